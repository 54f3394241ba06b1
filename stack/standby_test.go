package main

import (
	"strings"
	"testing"
)

func TestAStackThatStandsByHasAllAndRunsNothing(t *testing.T) {
	g := recorded(t, "recovery", false)
	if g.Has("appautoscaling.Target", "api") {
		t.Error("an autoscaler would start tasks")
	}
	for _, short := range []string{"ec2.NatGateway", "dynamodb.Table"} {
		if n := len(g.Of(short)); n > 0 {
			t.Errorf("it has %d of %s", n, short)
		}
	}
	if n := find(t, g, "ecs.Service", "api").Number("desiredCount"); n != 0 {
		t.Errorf("%v tasks run", n)
	}
	if !find(t, g, "lambda.EventSourceMapping", "events").At("enabled").IsBool() ||
		find(t, g, "lambda.EventSourceMapping", "events").Is("enabled") {
		t.Error("the function is fed")
	}
	for _, a := range g.Of("cloudwatch.MetricAlarm") {
		if !a.At("actionsEnabled").IsBool() || a.Is("actionsEnabled") {
			t.Errorf("%s wakes somebody", a)
		}
	}
	if len(g.Of("cloudcontrol.Resource")) != 2 || len(g.Of("msk.Cluster")) != 1 {
		t.Error("brokers and topics are not there")
	}
}

func TestAStackThatStoodByRunsLikeAnyOther(t *testing.T) {
	g := withChange(t, "recovery", at(ns+"standby", "false"))
	if n := len(g.Of("ec2.NatGateway")); n != 3 {
		t.Errorf("%d NAT gateways", n)
	}
	if n := find(t, g, "ecs.Service", "api").Number("desiredCount"); n != 3 {
		t.Errorf("%v tasks run", n)
	}
	if !find(t, g, "lambda.EventSourceMapping", "events").Is("enabled") || !g.Has("appautoscaling.Target", "api") {
		t.Error("the function is not fed, or nothing scales")
	}
	for _, a := range g.Of("cloudwatch.MetricAlarm") {
		if !a.At("actionsEnabled").IsNull() {
			t.Errorf("%s has a say about its actions", a)
		}
	}
}

func TestTheRecoverysPartsUseProdsTableInTheirOwnRegion(t *testing.T) {
	g := recorded(t, "recovery", false)
	const arn = "arn:aws:dynamodb:us-west-2:123456789012:table/event-processing-service-events"
	for _, role := range []string{"api", "processor"} {
		if !strings.Contains(find(t, g, "iam.RolePolicy", role).Text("policy"), arn) {
			t.Errorf("%s has no right on %s", role, arn)
		}
	}
	table := find(t, g, "lambda.Function", "processor").Text("environment", "variables", "EVENTS_TABLE")
	prods := find(t, recorded(t, "prod", false), "dynamodb.Table", "events").Text("name")
	if table != prods || table == "" {
		t.Errorf("it remembers in %q, and prod in %q", table, prods)
	}
}

func TestTwoStacksShareADomainByFailover(t *testing.T) {
	for stack, want := range map[string]string{"prod": "PRIMARY", "recovery": "SECONDARY"} {
		record := find(t, withChange(t, stack, in("edge", "failover", strings.ToLower(want))), "route53.Record", "api")
		if record.Text("failoverRoutingPolicies", "type") != want || record.Text("setIdentifier") == "" ||
			!record.Is("aliases", "evaluateTargetHealth") || !record.DeleteBeforeReplace {
			t.Errorf("%s is found by %v", stack, record.Inputs)
		}
	}
	if record := find(t, recorded(t, "prod", false), "route53.Record", "api"); record.Text("setIdentifier") != "" {
		t.Error("prod's record is one of two, though nobody said so")
	}
}
