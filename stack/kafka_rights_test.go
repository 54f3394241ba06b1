package main

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/stack/review"
)

// kafkaRights is what each role must be able to do, by resource as the ARN ends. It is written here a second time on
// purpose: from what the clients do, not from policies.go.
func kafkaRights() map[string]map[string][]string {
	cluster := "cluster/cluster/11111111-2222-3333-4444-555555555555-1"
	topic := func(name string) string { return "topic/cluster/11111111-2222-3333-4444-555555555555-1/" + name }
	group := func(name string) string { return "group/cluster/11111111-2222-3333-4444-555555555555-1/" + name }
	return map[string]map[string][]string{
		"api": {
			cluster:         {"Connect", "DescribeCluster", "WriteDataIdempotently"},
			topic("events"): {"DescribeTopic", "WriteData"},
		},
		"operator": {
			cluster:             {"Connect", "DescribeCluster", "WriteDataIdempotently"},
			topic("events"):     {"DescribeTopic", "ReadData", "WriteData"},
			topic("events.dlq"): {"DescribeTopic", "ReadData"},
			group("eventctl-*"): {"AlterGroup", "DescribeGroup"},
			group("event-processing-service-processor"): {"DescribeGroup"},
		},
		"archive": {
			cluster:               {"Connect"},
			topic("events"):       {"DescribeTopic", "ReadData"},
			topic("events.dlq"):   {"DescribeTopic", "ReadData"},
			topic("events.dlq.*"): {"DescribeTopic", "ReadData"},
			group("event-processing-service-archive"): {"AlterGroup", "DescribeGroup"},
		},
		"processor": {
			cluster:             {"Connect", "DescribeCluster", "DescribeClusterDynamicConfiguration", "WriteDataIdempotently"},
			topic("events"):     {"DescribeTopic", "ReadData", "WriteData"},
			topic("events.dlq"): {"DescribeTopic", "ReadData", "WriteData"},
			group("event-processing-service-processor"): {"AlterGroup", "DescribeGroup"},
		},
	}
}

// grantedKafka reads the kafka-cluster rights of each role off its policy.
func grantedKafka(t *testing.T, g review.Graph) map[string]map[string][]string {
	t.Helper()
	const before = "arn:aws:kafka:us-east-1:" + review.MadeUpAccount + ":"
	granted := map[string]map[string][]string{}
	for _, n := range g.Of("iam.RolePolicy") {
		var d document
		if err := json.Unmarshal([]byte(n.Text("policy")), &d); err != nil {
			t.Fatalf("read policy of %s: %v", n, err)
		}
		for _, s := range d.Statement {
			for _, action := range s.Action {
				right, is := cutKafka(action)
				if !is {
					continue
				}
				if granted[n.Name] == nil {
					granted[n.Name] = map[string][]string{}
				}
				for _, arn := range s.Resource {
					resource := arn[len(before):]
					granted[n.Name][resource] = append(granted[n.Name][resource], right)
				}
			}
		}
	}
	for _, rights := range granted {
		for resource, list := range rights {
			slices.Sort(list)
			rights[resource] = slices.Compact(list)
		}
	}
	return granted
}

func cutKafka(action string) (string, bool) {
	const prefix = "kafka-cluster:"
	if len(action) < len(prefix) || action[:len(prefix)] != prefix {
		return "", false
	}
	return action[len(prefix):], true
}

func TestEachRoleHasTheKafkaRightsThatItNeedsAndNoneBeyond(t *testing.T) {
	if diff := cmp.Diff(kafkaRights(), grantedKafka(t, recorded(t, "prod", false))); diff != "" {
		t.Errorf("-needed +granted:\n%s", diff)
	}
}

func TestAKafkaRightTooManyOrTooFewIsFound(t *testing.T) {
	for _, actions := range []string{`"kafka-cluster:Connect"`,
		`"kafka-cluster:Connect","kafka-cluster:DescribeCluster","kafka-cluster:WriteDataIdempotently",` +
			`"kafka-cluster:AlterCluster"`} {
		g := recorded(t, "prod", false)
		set(find(t, g, "iam.RolePolicy", "api"), "policy",
			`{"Statement":[{"Effect":"Allow","Action":[`+actions+`],"Resource":["arn:aws:kafka:us-east-1:`+
				review.MadeUpAccount+`:cluster/cluster/11111111-2222-3333-4444-555555555555-1"]}]}`)
		if maps.EqualFunc(kafkaRights()["api"], grantedKafka(t, g)["api"], slices.Equal[[]string]) {
			t.Errorf("rights %s pass for the API's", actions)
		}
	}
}
