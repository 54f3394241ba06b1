package main

import (
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

func TestTheChoiceOfTLSIsTheTargetGroupsItsHealthChecksAndTheContainers(t *testing.T) {
	for _, stack := range []string{"dev", "prod"} {
		for _, on := range []bool{false, true} {
			g := recordedWith(t, stack, in("edge", "tlsToTasks", on))
			if found := g.Findings(); len(found) > 0 {
				t.Errorf("%s, %v: %q", stack, on, found)
			}
			want, variable := "HTTP", ""
			if on {
				want, variable = "HTTPS", "true"
			}
			group := find(t, g, "lb.TargetGroup", "api")
			if group.Text("protocol") != want || group.Text("healthCheck", "protocol") != want {
				t.Errorf("%s, %v: the target group has %v", stack, on, group.Plain())
			}
			if got := containerVariables(t, g, "api")["TLS_SELF_SIGNED"]; got != variable {
				t.Errorf("%s, %v: the container is told %q", stack, on, got)
			}
		}
	}
}

// AWS changes no protocol, and a target group is made beside the one that it replaces: so the two need two names.
func TestTargetGroupsOfTwoProtocolsHaveTwoNames(t *testing.T) {
	names := map[string]bool{}
	for _, cdn := range []bool{false, true} {
		for _, encrypted := range []bool{false, true} {
			args := edgeArgs{Name: strings.Repeat("n", 28), edgeConfig: edgeConfig{CDN: cdn, TLSToTasks: encrypted}}
			name := args.targetGroupName()
			if names[name] || len(name) > 32 {
				t.Errorf("%s has %d characters; taken are %v", name, len(name), names)
			}
			names[name] = true
		}
	}
}

func TestARuleFindsABalancerThatSpeaksAnotherProtocolThanTheAPI(t *testing.T) {
	for found, put := range map[string]func(review.Graph){
		"speaks HTTP, and the API HTTPS": func(g review.Graph) {
			set(find(t, g, "lb.TargetGroup", "api"), "protocol", "HTTP")
		},
		"asks for health by HTTP, and the API speaks HTTPS": func(g review.Graph) {
			set(find(t, g, "lb.TargetGroup", "api"), "healthCheck", map[string]any{"protocol": "HTTP"})
		},
		"speaks HTTPS, and the API HTTP": func(g review.Graph) {
			n := find(t, g, "ecs.TaskDefinition", "api")
			set(n, "containerDefinitions", strings.Replace(n.Text("containerDefinitions"), "TLS_SELF_SIGNED", "OTHER", 1))
		},
	} {
		g := recorded(t, "prod", false)
		put(g)
		if findings := strings.Join(g.Findings(), "\n"); !strings.Contains(findings, found) {
			t.Errorf("no finding says %q; there are %q", found, findings)
		}
	}
}
