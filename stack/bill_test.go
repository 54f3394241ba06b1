package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"event-processing-service/stack/review"
)

// ofHand is a graph with these resources alone.
func ofHand(nodes ...review.Registration) review.Graph {
	return review.Graph{Stack: "hand", Nodes: nodes}
}

func one(token, name string, inputs map[string]any) review.Registration {
	return review.Registration{Type: token, Name: name, Custom: true, Inputs: resource.NewPropertyMapFromMap(inputs)}
}

func billed(t *testing.T, what string, got, byHand float64) {
	t.Helper()
	if math.Abs(got-byHand) > 0.005 {
		t.Errorf("%s: %.4f, by hand %.4f", what, got, byHand)
	}
}

// Each sum is of figures on AWS's price pages, with a pocket calculator: 730 hours a month.
func TestAnIdleBillIsTheOneThatIsComputedByHand(t *testing.T) {
	cluster := func(kind string, brokers, disk int) review.Registration {
		return one("aws:msk/cluster:Cluster", "cluster", map[string]any{"numberOfBrokerNodes": brokers,
			"brokerNodeGroupInfo": map[string]any{"instanceType": kind,
				"storageInfo": map[string]any{"ebsStorageInfo": map[string]any{"volumeSize": disk}}}})
	}
	query := func(metric bool) any {
		if metric {
			return map[string]any{"metric": map[string]any{"metricName": "Errors"}}
		}
		return map[string]any{"expression": "m0+m1"}
	}
	for _, tc := range []struct {
		of     string
		bill   review.Graph
		byHand float64
	}{
		{"2 small brokers, 20 GB each", ofHand(cluster("kafka.t3.small", 2, 20)), 66.576 + 4},
		{"3 large brokers, 240 GB each", ofHand(cluster("kafka.m7g.large", 3, 240)), 446.76 + 72},
		{"a NAT gateway and its address", ofHand(one("aws:ec2/natGateway:NatGateway", "a", nil),
			one("aws:ec2/eip:Eip", "a", nil)), 32.85 + 3.65},
		{"a balancer in two zones", ofHand(one("aws:lb/loadBalancer:LoadBalancer", "b", map[string]any{"subnets": []any{"a",
			"b"}})), 16.425 + 7.30},
		{"one that has no address outside", ofHand(one("aws:lb/loadBalancer:LoadBalancer", "b",
			map[string]any{"internal": true, "subnets": []any{"a", "b"}})), 16.425},
		{"three tasks of half a CPU", ofHand(one("aws:ecs/taskDefinition:TaskDefinition", "api",
			map[string]any{"cpu": "512", "memory": "1024"}), one("aws:ecs/service:Service", "api",
			map[string]any{"desiredCount": 3, "taskDefinition": "arn:aws:ecs:x:1:task-definition/api"})), 43.2525},
		{"up to 10 pollers", ofHand(one("aws:lambda/eventSourceMapping:EventSourceMapping", "events",
			map[string]any{"provisionedPollerConfig": map[string]any{"minimumPollers": 1}})), 135.05},
		{"up to 20 pollers", ofHand(one("aws:lambda/eventSourceMapping:EventSourceMapping", "events",
			map[string]any{"provisionedPollerConfig": map[string]any{"minimumPollers": 11}})), 270.10},
		{"pollers on demand", ofHand(one("aws:lambda/eventSourceMapping:EventSourceMapping", "events", nil)), 0},
		{"an alarm", ofHand(one("aws:cloudwatch/metricAlarm:MetricAlarm", "a", nil)), 0.10},
		{"an alarm on two metrics", ofHand(one("aws:cloudwatch/metricAlarm:MetricAlarm", "a",
			map[string]any{"metricQueries": []any{query(false), query(true), query(true)}})), 0.20},
		{"an endpoint in three zones", ofHand(one("aws:ec2/vpcEndpoint:VpcEndpoint", "kms",
			map[string]any{"vpcEndpointType": "Interface", "subnetIds": []any{"a", "b", "c"}})), 21.90},
		{"an endpoint that is a route", ofHand(one("aws:ec2/vpcEndpoint:VpcEndpoint", "s3",
			map[string]any{"vpcEndpointType": "Gateway"})), 0},
		{"a firewall with two rules", ofHand(one("aws:wafv2/webAcl:WebAcl", "api", map[string]any{"rules": []any{
			map[string]any{}, map[string]any{}}})), 7},
		{"a cache, and an alarm over alarms", ofHand(one("aws:elasticache/serverlessCache:ServerlessCache", "limits",
			map[string]any{"engine": "valkey"}), one("aws:cloudwatch/compositeAlarm:CompositeAlarm", "a", nil)), 6.132 + 0.50},
		{"a key, a secret, a dashboard", ofHand(one("aws:kms/key:Key", "key", nil),
			one("aws:secretsmanager/secret:Secret", "s", nil), one("aws:cloudwatch/dashboard:Dashboard", "d", nil)), 4.40},
	} {
		b := tc.bill.Bill(review.Load{})
		billed(t, tc.of, b.Total(), tc.byHand)
		if len(b.NotPriced) > 0 {
			t.Errorf("%s: not priced are %q", tc.of, b.NotPriced)
		}
	}
}

// The whole of prod at 100 events a second, 262.8 million a month; docs/cost.md has the arithmetic of one million.
func TestTheBillOfEventsIsTheOneThatIsComputedByHand(t *testing.T) {
	g := recordedWith(t, "prod", func(c *review.StackConfig) {
		in("api", "accessLogOneIn", 10)(c)
		in("tracing", "sampleRatio", 0.5)(c)
		in("api", "requestsPerTarget", 1500)(c)
		at(ns+"store", `{"replicas":["us-west-2"]}`)(c)
	})
	idle, b := g.Bill(review.Load{}), g.Bill(review.Load{Events: 100})
	byEvents := map[string]float64{}
	for _, l := range b.Lines {
		if l.ByEvents {
			byEvents[l.What] += l.Monthly
		}
	}
	billed(t, "idle in the bill of a load", b.Idle(), idle.Total())
	for what, byHand := range map[string]float64{
		"Load balancer":   2.2285,                // 262.8 × 1.06 GB is 278.57 units in the month × 0.008
		"API tasks":       14.4175,               // 100 × 60 / 1500 is 4 tasks, one more than 3 × 43.2525
		"Logs":            5.256 + 2.628 + 52.56, // 10.51 GB; two invocations a second, 5.256 GB; 105.12 GB: each × 0.50
		"Traces":          657 + 13.14,           // 262.8 × 0.5 × 5; 5.256 million invocations × 0.5 × 5
		"Between zones":   1.0512,                // 78.84 GB × 2/3 × 0.02
		"Firewall":        157.68,                // 262.8 × 0.60
		"Cache of limits": 0.60444,               // 262.8 × 0.0023
		"NAT gateways":    0.47304,               // the API's 10.512 GB of lines × 0.045
		// 262.8 × 0.75; 98.97 GiB × 0.45; its replica's 262.8 × 0.625 and 98.97 GiB × 0.25
		"Events table": 197.10 + 44.537 + 164.25 + 24.743,
		"Function": 1.0512 + // 5.256 million invocations × 0.20
			(5_256_000*0.02+262_800_000*35e-6*1769/512)*0.5*0.0000133334,
		"Metrics of the function": 2.70,
		// An object a minute for each of 12 partitions, 525.6 thousand × 0.005; 262.8 million × 84 B, 22.08 GB × 0.023
		"Archive": 2.628 + 0.5077,
	} {
		billed(t, what, byEvents[what], byHand)
		delete(byEvents, what)
	}
	if len(byEvents) > 0 {
		t.Errorf("nobody computed %v", byEvents)
	}
}

func TestEachResourceOfTheStacksHasAPriceOrIsKnownToBeFree(t *testing.T) {
	for _, stack := range append(slices.Clone(stacks), "artifacts") {
		for _, n := range recorded(t, stack, false).Bill(review.Load{}).NotPriced {
			t.Errorf("%s: %s is not in stack/review/prices.go, nor in cost_hourly.go", stack, n)
		}
	}
}

func TestWhatHasNoPriceIsListedByName(t *testing.T) {
	var out bytes.Buffer
	review.WriteBill(&out, ofHand(one("aws:quantum/computer:Computer", "deep-thought", nil),
		one("aws:msk/cluster:Cluster", "cluster", map[string]any{
			"brokerNodeGroupInfo": map[string]any{"instanceType": "kafka.m9.huge"}})).Bill(review.Load{}))
	for _, line := range []string{"not priced\n", "quantum.Computer deep-thought", "brokers of type kafka.m9.huge"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("the bill does not say %q:\n%s", line, &out)
		}
	}
}

func TestABillAboveTheBudgetIsAFinding(t *testing.T) {
	if found := recorded(t, "dev", false).Findings(); len(found) > 0 {
		t.Fatal(found)
	}
	g := recordedWith(t, "dev", in("budget", "usdPerMonth", 100))
	if found := fmt.Sprint(g.Findings()); !strings.Contains(found, "more than the 100 of its budget") {
		t.Errorf("found %s", found)
	}
	g = recordedWith(t, "dev", in("budget", "eventsPerSecond", 100))
	if found := fmt.Sprint(g.Findings()); !strings.Contains(found, "at 100 events a second it costs") {
		t.Errorf("found %s", found)
	}
	g = recordedWith(t, "dev", at(ns+"budget", ""))
	if len(g.Findings()) > 0 || len(g.Of("budgets.Budget"))+len(g.Of("costexplorer.AnomalyMonitor"))+
		len(g.Of("sns.TopicPolicy")) > 0 || strings.Contains(find(t, g, "kms.Key", "key").Text("policy"), "budgets") {
		t.Error("a stack without a budget has parts of one")
	}
}

func TestTheBillsLoadIsCheckedAndShown(t *testing.T) {
	var out bytes.Buffer
	for _, args := range [][]string{{"--events"}, {"--events", "many"}, {"--events", "0"}, {"--event", "1"},
		{"--events", "NaN"}} {
		if err := bill(&out, root, "dev", args); err == nil || out.Len() > 0 {
			t.Errorf("%q is taken", args)
		}
	}
	if err := bill(&out, root, "dev", []string{"--events", "2"}); err != nil ||
		!strings.Contains(out.String(), "at 2 events a second, posted one by one: 5.256 million a month") {
		t.Errorf("%v:\n%s", err, &out)
	}
}

var about = regexp.MustCompile(`About ([\d,]+) USD a month(?:, and ([\d.]+) USD a million)?`)

func TestEachStacksFileSaysWhatItsBillSaysWithinATenth(t *testing.T) {
	for _, stack := range append(slices.Clone(stacks), "artifacts") {
		text, err := os.ReadFile(filepath.Join(root, "Pulumi."+stack+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		said := about.FindStringSubmatch(strings.ReplaceAll(string(text), "\n# ", " "))
		if said == nil {
			t.Errorf("%s: its file says nothing of its price", stack)
			continue
		}
		b := recorded(t, stack, false).Bill(review.Load{Events: 200})
		for i, is := range []float64{b.Idle(), (b.Total() - b.Idle()) / (200 * 730 * 3600 / 1e6)} {
			if figure, err := strconv.ParseFloat(said[i+1], 64); err == nil && math.Abs(figure-is) > is/10 {
				t.Errorf("%s: its file says %s, its bill %.2f", stack, said[i+1], is)
			}
		}
	}
}

func TestThePageSaysWhatTheBillsSay(t *testing.T) {
	path := filepath.Join(root, "docs/deploying.md")
	var bills []review.Bill
	for _, stack := range stacks {
		bills = append(bills, recorded(t, stack, false).Bill(review.Load{Events: 200}))
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`(?m)^\| a month \|.*\n(\|.*\n)*`)
	if *update {
		page = table.ReplaceAllLiteral(page, []byte(review.BillsTable(bills)))
		if err := os.WriteFile(path, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(review.BillsTable(bills), string(table.Find(page))); diff != "" {
		t.Errorf("%s is out of date: go test ./stack -update (-want +got):\n%s", path, diff)
	}
}
