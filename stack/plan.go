package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// componentOrder is an event's way through the system, which is how a reader wants the components.
var componentOrder = []string{"network", "encryption", "kafka", "store", "image", "edge", "service", "processor", "observability"}

// record runs the program for a stack, with rec in the engine's place, and returns what it registered.
func record(root, stack string, p *program, rec *recorder) (graph, error) {
	c, err := readStack(root, stack)
	if err != nil {
		return graph{}, err
	}
	return recordConfig(root, stack, c, p, rec)
}

func recordConfig(root, stack string, c stackConfig, p *program, rec *recorder) (graph, error) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return graph{}, fmt.Errorf("find project: %w", err)
	}
	err = pulumi.RunErr(p.deploy, pulumi.WithMocks(c.Project, stack, rec), func(info *pulumi.RunInfo) {
		info.Config, info.ConfigSecretKeys = c.Values, c.Secrets
		info.DryRun, info.RootDirectory = rec.preview, absolute
	}, p.inputs)
	if err != nil {
		return graph{}, err
	}
	g := graph{Stack: stack, Assumed: c.Assumed, Protect: c.Values[c.Project+":protect"] == "true", Nodes: rec.nodes}
	slices.SortFunc(g.Nodes, compareNodes)
	return g, nil
}

// compareNodes puts providers first, then each component before its children, the children by type and name.
func compareNodes(a, b registration) int {
	rank := func(n registration) int {
		component := n.Name
		if n.Custom {
			component = resource.URN(n.Parent).Name()
		}
		if i := slices.Index(componentOrder, component); i >= 0 && !strings.HasPrefix(n.Type, "pulumi:providers:") {
			return i
		}
		return -1
	}
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	if a.Custom != b.Custom {
		if a.Custom {
			return 1
		}
		return -1
	}
	return strings.Compare(shortType(a.Type)+"\x00"+a.Name, shortType(b.Type)+"\x00"+b.Name)
}

// offlineProgram is the real program but for what would need git, a compiler and their time: it tags and builds nothing.
func offlineProgram() *program {
	return &program{
		Tag:      func(string) (string, error) { return "tag", nil },
		Function: func(root string) (string, error) { return filepath.Join(root, "Pulumi.yaml"), nil }, // any file that is there
	}
}

// plan prints what a stack is made of and what is wrong with it, without an account, a plugin, Docker or a network.
func plan(w io.Writer, root, stack string) error {
	g, err := record(root, stack, offlineProgram(), &recorder{})
	if err != nil {
		return err
	}
	return writePlan(w, g)
}

// writePlan prints a graph; findings are an error.
func writePlan(w io.Writer, g graph) error {
	for _, assumed := range g.Assumed {
		fmt.Fprintf(w, "assumed, because only its owner knows: %s\n", assumed)
	}
	writeTree(w, g, false)
	writeSummary(w, g)

	problems := g.findings()
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

// writeTree prints the resources below their components, with their inputs if asked.
func writeTree(w io.Writer, g graph, withInputs bool) {
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
		fmt.Fprintln(w, strings.TrimRight(indent+line, " "))
		if withInputs && n.Custom {
			writeInputs(w, indent+"  ", resource.NewProperty(n.Inputs))
		}
	}
}

// shownType is a resource's type for a reader: of a Cloud Control resource, the one that it stands for.
func shownType(n registration) string {
	if real := n.text("typeName"); real != "" {
		return real
	}
	return shortType(n.Type)
}

// writeSummary counts the resources of each component.
func writeSummary(w io.Writer, g graph) {
	count, kept, total := map[string]int{}, map[string]int{}, 0
	for _, n := range g.Nodes {
		if component := resource.URN(n.Parent).Name(); n.Custom && slices.Contains(componentOrder, component) {
			total++
			count[component]++
			if n.Protect {
				kept[component]++
			}
		}
	}
	fmt.Fprintf(w, "\n%-16s %9s %9s\n", "component", "resources", "protected")
	for _, component := range componentOrder {
		fmt.Fprintf(w, "%-16s %9d %9d\n", component, count[component], kept[component])
	}
	fmt.Fprintf(w, "%-16s %9d\n", "all", total)
}
