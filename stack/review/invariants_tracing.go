package review

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// onlyVersion matches an image that can't become another one.
var onlyVersion = regexp.MustCompile(`:v?\d+\.\d+\.\d+|@sha256:`)

// container is the part of a container that the rules read.
type container struct {
	Name, Image            string
	CPU, Memory            int
	Essential              bool
	ReadonlyRootFilesystem bool
	RestartPolicy          struct{ Enabled bool }
	HealthCheck            *struct{}
	PortMappings           []struct{}
	Command                []string
	Environment            []struct{ Name, Value string }
	LogConfiguration       struct{ Options map[string]string }
}

// containers reads a task definition. If it can't be read there are no containers, which other rules report.
func (n Registration) containers() (all []container) {
	_ = json.Unmarshal([]byte(n.Text("containerDefinitions")), &all)
	return all
}

// serving is the service that the load balancer calls; the zero value if there is none.
func (g Graph) serving() Registration {
	for _, n := range g.Of("ecs.Service") {
		if n.Text("loadBalancers", "containerName") != "" {
			return n
		}
	}
	return Registration{}
}

// entry is the container of a task that the load balancer calls.
func (g Graph) entry() string { return g.serving().Text("loadBalancers", "containerName") }

// fragile finds containers beside the API that could stop it, starve it, or become another image.
func fragile(g Graph) (broken []string) {
	for _, n := range g.Of("ecs.TaskDefinition") {
		if n.Name != "api" {
			continue
		}
		guests, own := 0, 0
		for _, c := range n.containers() {
			if c.Name == g.entry() {
				own = c.CPU
				continue
			}
			guests++
			for problem, is := range map[string]bool{
				"takes the API with it when it dies":   c.Essential,
				"stays dead":                           !c.RestartPolicy.Enabled,
				"may use all of the memory":            c.Memory == 0,
				"may use all of the CPU":               c.CPU == 0,
				"is another image tomorrow":            !onlyVersion.MatchString(c.Image),
				"is not watched by a health check":     c.HealthCheck == nil,
				"logs nowhere":                         c.LogConfiguration.Options["awslogs-group"] == "",
				"can write to its file system":         !c.ReadonlyRootFilesystem,
				"can be reached from outside the task": len(c.PortMappings) > 0,
			} {
				if is {
					broken = append(broken, fmt.Sprintf("%s: %s %s", n, c.Name, problem))
				}
			}
		}
		if guests > 0 && own == 0 {
			broken = append(broken, fmt.Sprintf("%s: %s has no share of the CPU beside its guests", n, g.entry()))
		}
	}
	slices.Sort(broken)
	return broken
}

// halfTraced finds tracing that is set up in part: spans that nobody receives, a collector without spans, or rights
// that are not used.
func halfTraced(g Graph) (broken []string) {
	there := map[string]bool{"the API's OTEL_ settings": false, "the collector beside the API": false,
		"the API's right to send":       false,
		"the function's OTEL_ settings": false, "the function's active tracing": false, "the function's right to send": false}
	see := func(what string, is bool) { there[what] = there[what] || is }
	for _, n := range g.Of("ecs.TaskDefinition") {
		for _, c := range n.containers() {
			for _, v := range c.Environment {
				see("the collector beside the API", strings.Contains(v.Value, `"awsxray"`)) // others are for metrics only
				see("the API's OTEL_ settings", c.Name == g.entry() && strings.HasPrefix(v.Name, "OTEL_"))
			}
		}
	}
	for _, n := range g.Of("lambda.Function") {
		see("the function's active tracing", n.Text("tracingConfig", "mode") == "Active")
		if variables := n.At("environment", "variables"); variables.IsObject() {
			for name := range variables.ObjectValue() {
				see("the function's OTEL_ settings", strings.HasPrefix(string(name), "OTEL_"))
			}
		}
	}
	for _, n := range g.Of("iam.RolePolicy") {
		may := strings.Contains(n.Text("policy"), `"xray:PutTraceSegments"`)
		see("the API's right to send", n.Name == "api" && may)
		see("the function's right to send", isProcessor(n.Name) && may)
		if may && n.Name != "api" && !isProcessor(n.Name) {
			broken = append(broken, fmt.Sprintf("%s may send traces, and sends none", n))
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(there)), true) {
		return broken
	}
	for _, what := range slices.Sorted(maps.Keys(there)) {
		if !there[what] {
			broken = append(broken, what+" is missing, and other parts of the way are there")
		}
	}
	return broken
}
