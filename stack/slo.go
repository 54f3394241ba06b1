package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// sloConfig is what the service promises over 30 days, in per cent; 0 is no promise. The rest to 100 is the error
// budget. Alarms go off when it is spent too fast.
type sloConfig struct {
	Accepted         float64 `json:"accepted,omitempty"`  // of the requests: not answered with 5xx
	Processed        float64 `json:"processed,omitempty"` // of the events: done ProcessedSeconds after their request
	ProcessedSeconds int     `json:"processedSeconds,omitempty"`
}

// burns are how fast the error budget may be spent before somebody is woken: 2 % of a month's budget in an hour (14.4
// times the rate at which it lasts a month), or 5 % in six hours (6 times). The short window ends the alarm soon after
// its cause has ended.
//
// Source: The Site Reliability Workbook, chapter 5, "6: Multiwindow, Multi-Burn-Rate Alerts", table 5-8.
var burns = []struct {
	Rate        float64
	Long, Short window
}{
	{14.4, window{"1h", 60 * 60}, window{"5m", 5 * 60}},
	{6, window{"6h", 6 * 60 * 60}, window{"30m", 30 * 60}},
}

type window struct {
	Name    string
	Seconds int
}

// composite is an alarm of alarms: it goes off while Rule holds. Rule names alarms without the stack's prefix.
type composite struct {
	Kind, What string
	Processor  string // "": it is about the first, or about none
	Rule       func(prefix string) string
	Of         []string // names of the alarms in Rule
}

// Name is the kind, and the processor.
func (c composite) Name() string { return alarm{Kind: c.Kind, Processor: c.Processor}.Name() }

func (c sloConfig) validate(f *findings) {
	promise := func(key string, value float64) {
		f.require(value == 0 || (value >= 50 && value <= 99.99), key, "must be a percentage from 50 to 99.99, is %v", value)
	}
	promise("slo.accepted", c.Accepted)
	promise("slo.processed", c.Processed)
	f.require((c.Processed == 0) == (c.ProcessedSeconds == 0), "slo.processedSeconds",
		"and slo.processed need each other: how many events, and within how long")
	f.require(c.ProcessedSeconds >= 0 && c.ProcessedSeconds <= 24*60*60, "slo.processedSeconds",
		"must be 1 to 86400, is %d", c.ProcessedSeconds)
}

// sloAlarms are the alarms of single windows, which wake nobody, and the alarms over them, which do.
func sloAlarms(c config) (parts []alarm, all []composite) {
	add := func(promised float64, like alarm) {
		if promised == 0 {
			return
		}
		like.Threshold = 100 - promised // the whole budget; burnAlarms multiplies it
		more, one := burnAlarms(like)
		parts, all = append(parts, more...), append(all, one)
	}
	add(c.SLO.Accepted, alarm{Kind: "slo-accepted", Math: percent(2), Inputs: failedRequests(),
		What: fmt.Sprintf("At this rate over %v %% of the requests fail.", rounded(100-c.SLO.Accepted))})
	for _, p := range c.processors() {
		of := fmt.Sprintf("PR(:%d)", c.SLO.ProcessedSeconds*1000)
		add(c.SLO.Processed, alarm{Kind: "slo-processed", Processor: p.ID, Math: "100-FILL(m0,100)",
			Inputs: []metric{ageMetric(p.function(c.Name), of)},
			What: fmt.Sprintf("At this rate over %v %% of the events take more than %d s.", rounded(100-c.SLO.Processed),
				c.SLO.ProcessedSeconds)})
	}
	return parts, all
}

// burnAlarms are alarms for each window, made of like, whose threshold is the error budget, and the alarm over them.
func burnAlarms(like alarm) (parts []alarm, one composite) {
	one = composite{Kind: like.Kind, What: like.What, Processor: like.Processor}
	budget := like.Threshold
	var pairs [][2]string
	for _, b := range burns {
		var pair [2]string
		for i, w := range []window{b.Long, b.Short} {
			part := like
			part.Part, part.Silent = w.Name, true
			part.What = fmt.Sprintf("The budget of errors is spent %v times too fast, for %s.", b.Rate, w.Name)
			part.Threshold = min(rounded(b.Rate*budget), 99.99) // of a low promise it would exceed 100 %
			part.Period, part.Of, part.In, part.MissingMeans = w.Seconds, 1, 1, quietIsGood
			parts, pair[i] = append(parts, part), part.Name()
			one.Of = append(one.Of, part.Name())
		}
		pairs = append(pairs, pair)
	}
	one.Rule = func(prefix string) string {
		var either []string
		for _, p := range pairs {
			either = append(either, "("+inAlarm(prefix, p[0])+" AND "+inAlarm(prefix, p[1])+")")
		}
		return strings.Join(either, " OR ")
	}
	return parts, one
}

func inAlarm(prefix, name string) string { return fmt.Sprintf(`ALARM("%s-%s")`, prefix, name) }

// rounded removes the error of a decimal fraction in binary.
func rounded(v float64) float64 { return math.Round(v*10_000) / 10_000 }

// brokenKinds are the alarms that mean that events are not accepted or not processed now: nothing is merely slow.
var brokenKinds = []string{"api-errors", "api-tasks", "processor-stalled", "processor-unfed", "kafka-min-isr",
	"canary-failing", "canary-missing"}

// pipelineBroken is the one alarm over brokenKinds, for people who want to be woken by nothing else.
func pipelineBroken(list []alarm) composite {
	c := composite{Kind: "pipeline-broken", What: "Events are not taken, or nothing acts on them."}
	for _, kind := range brokenKinds {
		for _, a := range list {
			if a.Kind == kind {
				c.Of = append(c.Of, a.Name())
			}
		}
	}
	c.Rule = func(prefix string) string {
		var either []string
		for _, name := range c.Of {
			either = append(either, inAlarm(prefix, name))
		}
		return strings.Join(either, " OR ")
	}
	return c
}

// composites are all composite alarms of a stack.
func composites(c config) []composite {
	_, list := sloAlarms(c)
	if c.Alarms.PipelineBroken {
		list = append(list, pipelineBroken(slices.Concat(apiAlarms(c), allProcessorAlarms(c), kafkaAlarms(c),
			canaryAlarms(c))))
	}
	return list
}

// composites registers composite alarms. CloudWatch accepts only names of alarms that exist.
func (o *Observability) composites(ctx *pulumi.Context, prefix string, list []composite) error {
	for _, c := range list {
		var needed []pulumi.Resource
		for _, name := range c.Of {
			needed = append(needed, o.made[name])
		}
		what := c.What
		if c.Processor != "" {
			what = "Processor " + c.Processor + ": " + what
		}
		var act pulumi.BoolPtrInput // yes
		if o.standby {
			act = pulumi.Bool(false)
		}
		if _, err := cloudwatch.NewCompositeAlarm(ctx, c.Name(), &cloudwatch.CompositeAlarmArgs{
			ActionsEnabled: act,
			AlarmName:      pulumi.String(prefix + "-" + c.Name()), AlarmRule: pulumi.String(c.Rule(prefix)),
			AlarmDescription: pulumi.String(what + " " + runbook + c.Kind),
			AlarmActions:     pulumi.StringArray{o.AlarmTopicARN}, OkActions: pulumi.StringArray{o.AlarmTopicARN},
		}, o.child, pulumi.DependsOn(needed)); err != nil {
			return fmt.Errorf("create composite alarm %s: %w", c.Name(), err)
		}
	}
	return nil
}
