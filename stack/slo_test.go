package main

import (
	"slices"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

func TestABudgetIsWatchedInTwoWindowsAtEachRate(t *testing.T) {
	parts, all := sloAlarms(config{Name: "n", SLO: sloConfig{Accepted: 99.9, Processed: 99, ProcessedSeconds: 60}})
	want := map[string]float64{ // per cent that fails: the rate times the budget
		"slo-accepted-1h": 1.44, "slo-accepted-5m": 1.44, "slo-accepted-6h": 0.6, "slo-accepted-30m": 0.6,
		"slo-processed-1h": 14.4, "slo-processed-5m": 14.4, "slo-processed-6h": 6, "slo-processed-30m": 6,
	}
	seconds := map[string]int{"5m": 300, "30m": 1800, "1h": 3600, "6h": 21600}
	for _, a := range parts {
		if a.Threshold != want[a.Name()] || a.Period != seconds[a.Part] || !a.Silent {
			t.Errorf("%s: %v, %d s, silent %v", a.Name(), a.Threshold, a.Period, a.Silent)
		}
		delete(want, a.Name())
	}
	if len(want) > 0 || len(all) != 2 {
		t.Errorf("missing are %v, and there are %d alarms over them", want, len(all))
	}
	const rule = `(ALARM("n-slo-accepted-1h") AND ALARM("n-slo-accepted-5m")) OR ` +
		`(ALARM("n-slo-accepted-6h") AND ALARM("n-slo-accepted-30m"))`
	if got := all[0].Rule("n"); got != rule {
		t.Errorf("the rule is %s", got)
	}
}

func TestEachProcessorHasItsPromise(t *testing.T) {
	c := config{Name: "n", SLO: sloConfig{Processed: 99, ProcessedSeconds: 60},
		Processors: map[string]processorConfig{"audit": {}}}
	parts, all := sloAlarms(c)
	if len(parts) != 8 || len(all) != 2 || all[1].Name() != "slo-processed-audit" {
		t.Fatalf("%d parts, %d alarms", len(parts), len(all))
	}
	last := parts[7]
	if last.Name() != "slo-processed-30m-audit" || last.Inputs[0].Stat != "PR(:60000)" ||
		!strings.HasSuffix(last.Inputs[0].Dimensions["FunctionName"], "-audit") {
		t.Errorf("%+v", last)
	}
}

// CloudWatch refuses a rule with an alarm that does not exist, and takes a misspelt one for good.
func TestAnAlarmOfAlarmsNamesThoseThatThereAreAndWaitsForThem(t *testing.T) {
	for _, stack := range stacks {
		g := recorded(t, stack, false)
		there := map[string]string{}
		for _, n := range g.Of("cloudwatch.MetricAlarm") {
			there[n.Text("name")] = n.URN
		}
		for _, n := range g.Of("cloudwatch.CompositeAlarm") {
			named := strings.Split(n.Text("alarmRule"), `"`)
			if len(named) < 3 || len(n.Text("alarmRule")) > 10240 {
				t.Errorf("%s: %s has the rule %s", stack, n, n.Text("alarmRule"))
			}
			for i := 1; i < len(named); i += 2 {
				if urn, is := there[named[i]]; !is || !slices.Contains(n.DependsOn, urn) {
					t.Errorf("%s: %s names %s, which is not there before it", stack, n, named[i])
				}
			}
			if n.At("alarmActions").IsNull() {
				t.Errorf("%s: %s wakes nobody", stack, n)
			}
		}
	}
	g := recorded(t, "prod", false)
	for _, name := range []string{"slo-accepted", "slo-processed", "pipeline-broken"} {
		find(t, g, "cloudwatch.CompositeAlarm", name)
	}
	if !find(t, g, "cloudwatch.MetricAlarm", "slo-accepted-1h").At("alarmActions").IsNull() {
		t.Error("a part of an alarm wakes somebody by itself")
	}
	if dev := recorded(t, "dev", false); len(dev.Of("cloudwatch.CompositeAlarm")) > 0 {
		t.Error("dev pays for what it did not choose")
	}
}

func TestAlarmsAreToldInSlackAndToAWebhookWhereTheFileSaysSo(t *testing.T) {
	g := recordedWith(t, "prod", func(c *review.StackConfig) {
		in("alarms", "slack", map[string]string{"workspace": "T07EA123LEP", "channel": "C07EZ1ABC23"})(c)
		in("alarms", "webhook", "https://hooks.example.com/alarms")(c)
	})
	if found := g.Findings(); len(found) > 0 {
		t.Errorf("%q", found)
	}
	chat := find(t, g, "chatbot.SlackChannelConfiguration", "alarms")
	if guard := chat.At("guardrailPolicyArns"); len(guard.ArrayValue()) != 1 {
		t.Errorf("anybody in the channel may do %v", guard) // AWS's default is everything
	}
	if hook := find(t, g, "sns.TopicSubscription", "webhook"); hook.Text("protocol") != "https" {
		t.Errorf("the webhook is called by %s", hook.Text("protocol"))
	}
	if _, uncovered := deployerPolicy(g, rightsOf(g)); len(uncovered) > 0 {
		t.Errorf("nobody may deploy %q", uncovered)
	}
}

func TestEachSavedQueryAsksALogThatIsThere(t *testing.T) {
	for _, stack := range stacks {
		g := recorded(t, stack, false)
		there := map[string]bool{}
		for _, n := range g.Of("cloudwatch.LogGroup") {
			there[n.Text("name")] = true
		}
		for _, q := range savedQueries {
			groups := find(t, g, "cloudwatch.QueryDefinition", q.Name).At("logGroupNames").ArrayValue()
			if len(groups) == 0 {
				t.Errorf("%s: %s asks nobody", stack, q.Name)
			}
			for _, group := range groups {
				if !there[group.StringValue()] {
					t.Errorf("%s: %s asks %s", stack, q.Name, group.StringValue())
				}
			}
		}
	}
}
