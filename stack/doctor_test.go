package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"

	"event-processing-service/stack/doctor"
)

// runsMain makes the test's binary the program itself, so that a test can run it with an environment of its own.
const runsMain = "STACK_TEST_RUNS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(runsMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

// fakePulumi knows the outputs of one stack, dev.
const fakePulumi = `#!/usr/bin/env bash
case "$*" in
"stack output --json --stack dev") cat <<END
{"kafkaClusterArn":"arn:aws:kafka:us-east-1:123456789012:cluster/dev/1","ecsCluster":"dev",
 "ecsService":"` + devService + `",
 "taskDefinition":"arn:aws:ecs:us-east-1:123456789012:task-definition/dev-api:5","apiUrl":"http://localhost:8080",
 "apiKeysSecret":"dev/api-keys","processorFunction":"dev-f","consumerGroup":"` + devGroup + `"}
END
;;
"config get"*) echo us-east-1 ;;
*) echo "error: no stack named it found" >&2; exit 255 ;;
esac
`

const (
	devGroup   = "event-processing-service-dev-processor"
	devService = "event-processing-service-dev-api"
)

// wellAnswers are AWS's about a stack that is well, by what is asked: the operation that a header names, or else method
// and path.
func wellAnswers() map[string]string {
	topic := `{"partitionCount":3,"replicationFactor":2}`
	return map[string]string{
		"GET /2015-03-31/event-source-mappings": `{"EventSourceMappings":[{"State":"Enabled","LastProcessingResult":"OK",
			"FunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:dev-f:live"}]}`,
		"GET /2016-08-19/account-settings": `{"AccountLimit":{"ConcurrentExecutions":1000,"TotalCodeSize":80530636800},
			"AccountUsage":{"TotalCodeSize":100}}`,
		"AmazonEC2ContainerServiceV20141113.DescribeServices": `{"services":[{"serviceName":"` + devService + `",
			"status":"ACTIVE","desiredCount":1,"runningCount":1,"deployments":[{"status":"PRIMARY","rolloutState":"COMPLETED",
			"taskDefinition":"arn:aws:ecs:us-east-1:123456789012:task-definition/dev-api:5"}]}]}`,
		"secretsmanager.DescribeSecret":              `{"VersionIdsToStages":{"a":["AWSCURRENT"]}}`,
		"GET /api/v2/clusters/CLUSTER":               `{"clusterInfo":{"state":"ACTIVE"}}`,
		"GET /v1/clusters/CLUSTER/topics/events":     topic,
		"GET /v1/clusters/CLUSTER/topics/events.dlq": topic,
		describeAlarms: `{"MetricAlarms":[],"CompositeAlarms":[]}`,
		getMetricData: `{"MetricDataResults":[{"Id":"seconds","Values":[2]},{"Id":"records","Values":[7]},
			{"Id":"vcpus","Values":[0.5,0.25]}]}`,
		"ServiceQuotasV20190624.GetServiceQuota": `{"Quota":{"Value":10,"UsageMetric":{"MetricNamespace":"AWS/Usage",
			"MetricName":"ResourceCount","MetricDimensions":{"Service":"Fargate"}}}}`,
		describeInterfaces: `<r><networkInterfaceSet><item/><item/></networkInterfaceSet></r>`,
	}
}

const (
	describeAlarms     = "POST /service/GraniteServiceVersion20100801/operation/DescribeAlarms"
	describeInterfaces = "POST DescribeNetworkInterfaces"
	getMetricData      = "POST /service/GraniteServiceVersion20100801/operation/GetMetricData"
)

// answerer is AWS. CloudWatch speaks CBOR, EC2 XML, the others JSON; a question without an answer is refused.
type answerer map[string]string

func (a answerer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := r.Header.Get("X-Amz-Target")
	if asked == "" {
		path := strings.ReplaceAll(r.URL.Path, "arn:aws:kafka:us-east-1:123456789012:cluster/dev/1", "CLUSTER")
		asked = r.Method + " " + strings.TrimSuffix(path, "/") + r.PostFormValue("Action")
	}
	answer, status := []byte(a[asked]), http.StatusOK
	if len(answer) == 0 {
		answer, status = []byte(`{"__type":"AccessDeniedException","message":"not authorized"}`), http.StatusForbidden
		w.Header().Set("X-Amzn-ErrorType", "AccessDeniedException")
	}
	w.Header().Set("Content-Type", "application/json")
	if protocol := r.Header.Get("Smithy-Protocol"); protocol != "" {
		var value any
		_ = json.Unmarshal(answer, &value)
		answer = cbor.Encode(inCBOR(value))
		w.Header().Set("Smithy-Protocol", protocol)
		w.Header().Set("Content-Type", "application/cbor")
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func inCBOR(value any) cbor.Value {
	switch v := value.(type) {
	case map[string]any:
		m := cbor.Map{}
		for key, member := range v {
			m[key] = inCBOR(member)
		}
		return m
	case []any:
		l := cbor.List{}
		for _, member := range v {
			l = append(l, inCBOR(member))
		}
		return l
	case string:
		return cbor.String(v)
	case float64:
		return cbor.Float64(v)
	}
	return &cbor.Nil{}
}

// examined is a run of the program with answers in place of AWS's.
func examined(t *testing.T, stack string, answers map[string]string, environment ...string) (code int, out string) {
	t.Helper()
	cloud := httptest.NewServer(answerer(answers))
	defer cloud.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pulumi"), []byte(fakePulumi), 0o755); err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "doctor", stack)
	cmd.Dir = root
	cmd.Env = append(append(os.Environ(), runsMain+"=1", "PATH="+dir+":"+os.Getenv("PATH"), "AWS_ENDPOINT_URL="+cloud.URL,
		"AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=key", "AWS_EC2_METADATA_DISABLED=true", "AWS_PROFILE=",
		"AWS_CONFIG_FILE="+dir+"/none", "AWS_SHARED_CREDENTIALS_FILE="+dir+"/none"), environment...)
	text, err := cmd.Output()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

func TestTheDoctorFindsNothingWrongWithAStackThatIsWell(t *testing.T) {
	if code, out := examined(t, "dev", wellAnswers()); code != 0 || out != "nothing found\n" {
		t.Errorf("status %d\n%s", code, out)
	}
}

func TestTheDoctorFindsWhatIsWrongByWhatAWSAnswers(t *testing.T) {
	answers := wellAnswers()
	for asked, change := range map[string][2]string{
		"GET /2015-03-31/event-source-mappings":               {`"OK"`, `"PROBLEM: Connection error."`},
		"AmazonEC2ContainerServiceV20141113.DescribeServices": {`/dev-api:5`, `/dev-api:4`},
		"secretsmanager.DescribeSecret":                       {`{"a"`, `{"b":["AWSPENDING"],"a"`},
		"GET /v1/clusters/CLUSTER/topics/events":              {`Count":3`, `Count":2`},
		describeAlarms: {`"MetricAlarms":[`, `"MetricAlarms":[{"AlarmName":"it-is-late",
			"AlarmDescription":"Late. What to do: docs/operating.md#event-age"}`},
		getMetricData:      {`[2]`, `[9000]`},
		describeInterfaces: {`<item/>`, strings.Repeat(`<item/>`, 8)},
	} {
		answers[asked] = strings.Replace(answers[asked], change[0], change[1], 1)
	}
	want := `alarms: it-is-late is in ALARM: Late; docs/operating.md#event-age
mappings: the mapping of dev-f says PROBLEM: Connection error.; docs/operating.md#processor-stalled
lag: the group event-processing-service-dev-processor is 9000 s behind on events, of 900 s that it may be; ` +
		`docs/operating.md#processor-lag
service: the service runs dev-api:4, and dev-api:5 was deployed last: it was rolled back; ` +
		`docs/operating.md#deployments-of-the-api
topics: the topic events has partitions: 2, and the program says 3; docs/operating.md#topics
quotas: the region has 9 of 10 network interfaces; docs/operating.md#quotas
keys: the version b of the secret dev/api-keys is AWSPENDING: a rotation was begun and not finished; ` +
		`docs/operating.md#keys-of-the-api
`
	code, out := examined(t, "dev", answers)
	if diff := cmp.Diff(want, out); diff != "" || code != 1 {
		t.Errorf("status %d (-want +got):\n%s", code, diff)
	}
}

func TestTheDoctorNamesWhatItMayNotAsk(t *testing.T) {
	answers := wellAnswers()
	delete(answers, describeAlarms)
	delete(answers, "GET /2016-08-19/account-settings")
	code, out := examined(t, "dev", answers)
	if code != 2 || strings.Count(out, "\n") != 2 || !strings.Contains(out, "could not ask alarms: ") ||
		!strings.Contains(out, "could not ask quotas: ") || strings.Count(out, "AccessDeniedException") != 2 {
		t.Errorf("status %d\n%s", code, out)
	}
}

func TestTheDoctorSaysThatThereIsNoStackOrNoWayToAsk(t *testing.T) {
	const all = "could not ask alarms, mappings, lag, service, brokers, topics, quotas, domain, keys: "
	code, out := examined(t, "prod", wellAnswers())
	if code != 2 || !strings.HasPrefix(out, all+"ask for outputs of stack prod: ") {
		t.Errorf("no stack: status %d\n%s", code, out)
	}
	code, out = examined(t, "dev", wellAnswers(), "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=")
	if code != 2 || !strings.HasPrefix(out, all+"find AWS credentials: ") {
		t.Errorf("no credentials: status %d\n%s", code, out)
	}
}

func TestTheDoctorKnowsAllProcessorsAndTopicsOfTheProgram(t *testing.T) {
	g := recorded(t, "dev", false)
	told := told{Group: devGroup, Function: "f", Service: devService}
	s, err := told.stack(g)
	if err != nil {
		t.Fatal(err)
	}
	want := doctor.Stack{Name: "event-processing-service-dev", Service: devService, Processors: []doctor.Processor{
		{Function: "f", Group: devGroup, Topic: "events", MaxLagSeconds: 900}}, Topics: []doctor.Topic{
		{Name: "events", Partitions: 3, Replication: 2}, {Name: "events.dlq", Partitions: 3, Replication: 2,
			Configs: map[string]string{"retention.ms": "1209600000"}}}}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	withArchive := recordedWith(t, "dev", at(ns+"archive", `{"enabled":true}`))
	if s, err := told.stack(withArchive); err != nil ||
		!slices.Equal(s.OtherServices, []string{"event-processing-service-dev-archive"}) {
		t.Errorf("other services are %q (%v)", s.OtherServices, err)
	}
	told.Group = "of-an-older-program"
	if _, err := told.stack(g); err == nil || !strings.Contains(err.Error(), "groups of-an-older-program are deployed") {
		t.Errorf("a group that the program does not know: %v", err)
	}
}

func TestWhatTheDoctorFindsHasAHeadingInTheRunbook(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	var anchors []string
	for line := range strings.Lines(string(page)) {
		if marks, heading, is := strings.Cut(strings.TrimSpace(line), " "); is && strings.Trim(marks, "#") == "" {
			anchors = append(anchors, strings.ReplaceAll(strings.ToLower(heading), " ", "-"))
		}
	}
	for _, heading := range doctor.Headings() {
		if !slices.Contains(anchors, heading) {
			t.Errorf("docs/operating.md has no heading for %s", heading)
		}
	}
}
