package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// componentOrder is the order of components for readers: an event's way through the system.
var componentOrder = []string{"network", "encryption", "kafka", "store", "cache", "privacy", "backups", "image", "edge",
	"service", "processor", "archive", "canary", "rotation", "observability", "artifacts", "account"}

// Program is the program under review. It gets its configuration first, and then registers resources.
type Program interface {
	Deploy(ctx *pulumi.Context) error
	Inputs(info *pulumi.RunInfo)
}

// Record runs the program for a stack of the project at root, with rec in the engine's place, and returns what it
// registered.
func Record(root, stack string, p Program, rec *Recorder) (Graph, error) {
	c, err := ReadStack(root, stack)
	if err != nil {
		return Graph{}, err
	}
	return RecordConfig(root, stack, c, p, rec)
}

// RecordConfig is Record with another configuration than the one that is committed.
func RecordConfig(root, stack string, c StackConfig, p Program, rec *Recorder) (Graph, error) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return Graph{}, fmt.Errorf("find project: %w", err)
	}
	err = pulumi.RunErr(p.Deploy, pulumi.WithMocks(c.Project, stack, rec), func(info *pulumi.RunInfo) {
		info.Config, info.ConfigSecretKeys = c.Values, c.Secrets
		info.DryRun, info.RootDirectory = rec.Preview, absolute
	}, p.Inputs)
	if err != nil {
		return Graph{}, err
	}
	g := Graph{Stack: stack, Assumed: c.Assumed, Protect: c.Values[c.Project+":protect"] == "true",
		Open: strings.Contains(c.Values[c.Project+":edge"], `"0.0.0.0/0"`), Nodes: rec.Nodes(),
		CustomerKeys: strings.Contains(c.Values[c.Project+":encryption"], `"customerKeys":true`),
		Uses:         readUses(c.Values[c.Project+":processor"], c.Values[c.Project+":processors"])}
	_ = json.Unmarshal([]byte(c.Values[c.Project+":budget"]), &g.Budget) // the program has refused malformed values
	slices.SortFunc(g.Nodes, compareNodes)
	return g, nil
}

// compareNodes puts providers first, then each component before its children, the children by type and name.
func compareNodes(a, b Registration) int {
	component := func(n Registration) string {
		if n.Custom {
			return resource.URN(n.Parent).Name()
		}
		return n.Name
	}
	rank := func(n Registration) int {
		name := component(n)
		if isProcessor(name) {
			name = firstProcessor
		}
		if i := slices.Index(componentOrder, name); i >= 0 && !strings.HasPrefix(n.Type, "pulumi:providers:") {
			return i
		}
		return -1
	}
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	if isProcessor(component(a)) && component(a) != component(b) {
		return strings.Compare(component(a), component(b))
	}
	if a.Custom != b.Custom {
		if a.Custom {
			return 1
		}
		return -1
	}
	return strings.Compare(Short(a.Type)+"\x00"+a.Name, Short(b.Type)+"\x00"+b.Name)
}

// WritePlan prints a graph; findings are an error.
func WritePlan(w io.Writer, g Graph) error {
	for _, assumed := range g.Assumed {
		fmt.Fprintf(w, "assumed, because only its owner knows: %s\n", assumed)
	}
	WriteTree(w, g, false)
	writeSummary(w, g)
	writeReach(w, g)
	writeMetrics(w, g)
	writePrices(w, g)

	problems := g.Findings()
	if len(problems) == 0 {
		fmt.Fprintln(w, "\nNo findings.")
		return nil
	}
	fmt.Fprintf(w, "\n%d finding(s):\n", len(problems))
	for _, problem := range problems {
		fmt.Fprintln(w, "  "+problem)
	}
	return errors.New("the plan breaks the project's own rules")
}

// WriteTree prints the resources below their components, by choice with their inputs.
func WriteTree(w io.Writer, g Graph, withInputs bool) {
	fmt.Fprintf(w, "%s\n", g.Stack)
	for _, n := range g.Nodes {
		indent := "  "
		line := fmt.Sprintf("%s (%s)", n.Name, n.Type)
		if n.Custom && !strings.HasPrefix(n.Type, "pulumi:providers:") {
			indent, line = "    ", fmt.Sprintf("%-46s %s", shownType(n), n.Name)
		}
		if n.Protect {
			line += "  [protected]"
		}
		if n.RetainOnDelete {
			line += " [retained]"
		}
		if n.DeleteBeforeReplace {
			line += "  [deleted before replaced]"
		}
		for _, property := range n.IgnoreChanges {
			line += "  [ignores " + property + "]"
		}
		for _, property := range n.ReplaceOnChanges {
			line += "  [replaced for " + property + "]"
		}
		if n.DeleteTimeout != "" {
			line += "  [deleted within " + n.DeleteTimeout + "]"
		}
		fmt.Fprintln(w, strings.TrimRight(indent+line, " "))
		if withInputs && n.Custom {
			writeInputs(w, indent+"  ", resource.NewProperty(n.Inputs))
		}
	}
}

// shownType is a resource's type for readers. For a Cloud Control resource it is the CloudFormation type.
func shownType(n Registration) string {
	if real := n.Text("typeName"); real != "" {
		return real
	}
	return Short(n.Type)
}

// writeSummary counts the resources of each component.
func writeSummary(w io.Writer, g Graph) {
	count, kept, total := map[string]int{}, map[string]int{}, 0
	var components []string
	for _, n := range g.Nodes {
		component := resource.URN(n.Parent).Name()
		if n.Custom && (slices.Contains(componentOrder, component) || isProcessor(component)) {
			if count[component] == 0 {
				components = append(components, component)
			}
			total++
			count[component]++
			if n.Protect {
				kept[component]++
			}
		}
	}
	fmt.Fprintf(w, "\n%-16s %9s %9s\n", "component", "resources", "protected")
	for _, component := range components {
		fmt.Fprintf(w, "%-16s %9d %9d\n", component, count[component], kept[component])
	}
	fmt.Fprintf(w, "%-16s %9d\n", "all", total)
}
