package review

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// DiagramPath is the page below the project's root that WriteDiagram writes.
const DiagramPath = "docs/infrastructure-diagram.md"

// part is a node of the diagram: a resource of the Graph, found by its short type and name, and what to call it.
type part struct{ id, short, name, label string }

// flow is an arrow from one part to another.
type flow struct{ from, to, label string }

var diagramParts = []part{
	{"vpc", "ec2.Vpc", "vpc", "VPC"},
	{"key", "kms.Key", "key", "KMS key"},
	{"flowlogs", "s3.BucketV2", "flow-logs", "S3: flow logs"},
	{"cdn", "cloudfront.Distribution", "api", "CloudFront"},
	{"waf", "wafv2.WebAcl", "edge", "WAF"},
	{"balancer", "lb.LoadBalancer", "balancer", "Application Load Balancer"},
	{"certificate", "acm.Certificate", "api", "ACM certificate"},
	{"accesslogs", "s3.BucketV2", "access-logs", "S3: access logs"},
	{"repository", "ecr.Repository", "api", "ECR repository"},
	{"service", "ecs.Service", "api", "ECS service: API on Fargate"},
	{"operator", "ecs.TaskDefinition", "operator", "One-off task: eventctl"},
	{"apikeys", "secretsmanager.Secret", "api-keys", "Secrets Manager: API keys"},
	{"cluster", "msk.Cluster", "cluster", "MSK cluster, IAM over TLS"},
	{"events", "cloudcontrol.Resource", "events", "Topic: events"},
	{"deadletters", "cloudcontrol.Resource", "events.dlq", "Topic: events.dlq"},
	{"mapping", "lambda.EventSourceMapping", "events", "Event source mapping"},
	{"function", "lambda.Function", "processor", "Lambda: processor"},
	{"canary", "lambda.Function", "canary", "Lambda: canary"},
	{"undelivered", "s3.BucketV2", "undelivered", "S3: undelivered batches"},
	{"archiver", "ecs.Service", "archive", "ECS service: archiver"},
	{"archive", "s3.BucketV2", "archive", "S3: archive"},
	{"table", "dynamodb.Table", "events", "DynamoDB: events"},
	{"cache", "elasticache.ServerlessCache", "limits", "ElastiCache: rate limits"},
	{"dashboard", "cloudwatch.Dashboard", "events", "Dashboard"},
	{"alarms", "sns.Topic", "alarms", "SNS: alarms"},
}

var diagramFlows = []flow{
	{"balancer", "service", "HTTP 5000"},
	{"certificate", "balancer", ""},
	{"vpc", "flowlogs", ""},
	{"balancer", "accesslogs", ""},
	{"repository", "service", "image by digest"},
	{"apikeys", "service", "keys, read each minute"},
	{"service", "events", "produce, acks=all"},
	{"service", "table", "read outcome"},
	{"service", "cache", "limits that tasks share"},
	{"events", "mapping", "poll"},
	{"mapping", "function", "batches"},
	{"mapping", "undelivered", "what it gives up on"},
	{"function", "table", "remember"},
	{"function", "deadletters", "what no retry fixes"},
	{"events", "archiver", "read"},
	{"deadletters", "archiver", "read"},
	{"archiver", "archive", "objects"},
	{"operator", "deadletters", "list"},
	{"operator", "events", "replay"},
	{"service", "xray", "traces, by a collector"},
	{"function", "xray", "traces, by its daemon"},
}

// WriteDiagram draws both stacks into docs/.
func WriteDiagram(root string, p Program) error {
	text, err := Diagram(root, p)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, DiagramPath), text, 0o644); err != nil {
		return fmt.Errorf("write diagram: %w", err)
	}
	return nil
}

// Diagram is the page: an event's way as a Mermaid chart for each stack, and what each component is made of. Parts
// that a stack does not have are left out; a part that none has, or that has no component, is an error.
func Diagram(root string, p Program) ([]byte, error) {
	var page bytes.Buffer
	fmt.Fprint(&page, "# Infrastructure\n\nWritten by `go run ./stack diagram` from the resources that the program "+
		"registers: change the program, not this page.\n")
	drawn := map[string]bool{}
	for _, stack := range []string{"dev", "prod"} {
		g, err := Record(root, stack, p, &Recorder{})
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", stack, err)
		}
		fmt.Fprintf(&page, "\n## %s\n\n```mermaid\n", stack)
		writeChart(&page, g, drawn)
		fmt.Fprint(&page, "```\n\n| component | resources |\n| --- | --- |\n")
		for _, component := range componentOrder {
			if len(g.contents(component)) == 0 {
				continue
			}
			fmt.Fprintf(&page, "| %s | %s |\n", component, strings.Join(g.contents(component), ", "))
		}
	}
	for _, d := range diagramParts {
		if !drawn[d.id] {
			return nil, fmt.Errorf("draw %s: no stack has a %s called %s", d.id, d.short, d.name)
		}
	}
	return page.Bytes(), nil
}

func writeChart(page *bytes.Buffer, g Graph, drawn map[string]bool) {
	fmt.Fprintln(page, "flowchart LR\n  client([Client])")
	here := map[string]bool{"client": true, "xray": g.isTraced()}
	if here["xray"] { // X-Ray needs no resource: every account has it
		fmt.Fprintln(page, "  xray([X-Ray])")
	}
	for _, component := range componentOrder {
		var lines []string
		for _, d := range diagramParts {
			for _, n := range g.Of(d.short) {
				if n.Name == d.name && resource.URN(n.Parent).Name() == component {
					lines = append(lines, fmt.Sprintf("    %s[\"%s\"]", d.id, d.label))
					here[d.id], drawn[d.id] = true, true
				}
			}
		}
		if len(lines) > 0 {
			// A subgraph and a node can't share an id.
			fmt.Fprintf(page, "  subgraph in_%s[%s]\n%s\n  end\n", component, component, strings.Join(lines, "\n"))
		}
	}
	way := []flow{{"client", "balancer", "HTTP"}}
	switch {
	case here["cdn"]:
		way = []flow{{"client", "cdn", "HTTPS"}, {"cdn", "balancer", "inside the VPC"}}
	case here["certificate"]:
		way[0].label = "HTTPS"
	}
	if here["waf"] {
		way = append([]flow{{"client", "waf", way[0].label}}, way...)
		way[1].from, way[1].label = "waf", ""
	}
	way = append(way, flow{"canary", way[0].to, "an event, as a client posts it"})
	for _, f := range append(way, diagramFlows...) {
		if !here[f.from] || !here[f.to] {
			continue
		}
		if f.label != "" {
			f.label = "|\"" + f.label + "\"|"
		}
		fmt.Fprintf(page, "  %s -->%s %s\n", f.from, f.label, f.to)
	}
}

func (g Graph) isTraced() bool {
	return slices.ContainsFunc(g.Of("lambda.Function"), func(n Registration) bool {
		return n.Text("tracingConfig",
			"mode") == "Active"
	})
}

// contents lists a component's resources by type, with their number.
func (g Graph) contents(component string) []string {
	var kinds []string
	count := map[string]int{}
	for _, n := range g.Nodes {
		if n.Custom && resource.URN(n.Parent).Name() == component {
			if count[shownType(n)]++; count[shownType(n)] == 1 {
				kinds = append(kinds, shownType(n))
			}
		}
	}
	for i, kind := range kinds {
		if count[kind] > 1 {
			kinds[i] = fmt.Sprintf("%d × %s", count[kind], kind)
		}
	}
	return kinds
}
