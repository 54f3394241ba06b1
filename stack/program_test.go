package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/stack/review"
)

var update = flag.Bool("update", false, "write the goldens instead of comparing with them")

var (
	stacks = []string{"dev", "staging", "prod", "recovery"}
	// delivered are those that get an artifact, which lies in one region.
	delivered = []string{"dev", "staging", "prod"}
)

const root = ".." // of the project, whose real configuration the tests read

// recorded runs the program for a stack as it is committed.
func recorded(t *testing.T, stack string, preview bool) review.Graph {
	t.Helper()
	g, err := review.Record(root, stack, offlineProgram(), &review.Recorder{Preview: preview})
	if err != nil {
		t.Fatalf("run %s: %v", stack, err)
	}
	return g
}

// golden compares got with a file of testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./stack -update writes it)", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s is not what the program registers; if that is meant, go test ./stack -update (-want +got):\n%s", path,
			diff)
	}
}

func TestEachStackRegistersWhatItsGoldenShows(t *testing.T) {
	for _, stack := range stacks {
		t.Run(stack, func(t *testing.T) {
			var tree bytes.Buffer
			review.WriteTree(&tree, recorded(t, stack, false), true)
			golden(t, stack+".tree", tree.Bytes())
		})
	}
}

// A preview knows no output, so whatever is created inside an apply would be missing from it, and whatever waits for an
// output would hang. (RunErr returns when all is registered: that it does return is half of the test.)
func TestAPreviewRegistersTheSameResourcesAsADeployment(t *testing.T) {
	for _, stack := range stacks {
		t.Run(stack, func(t *testing.T) {
			var preview, up bytes.Buffer
			review.WriteTree(&preview, recorded(t, stack, true), false)
			review.WriteTree(&up, recorded(t, stack, false), false)
			if diff := cmp.Diff(up.String(), preview.String()); diff != "" {
				t.Errorf("up and preview differ (-up +preview):\n%s", diff)
			}
		})
	}
}

func TestAPreviewKnowsNoOutput(t *testing.T) {
	var tree bytes.Buffer
	review.WriteTree(&tree, recorded(t, "dev", true), true)
	if !strings.Contains(tree.String(), "vpcId: (known after deployment)") {
		t.Error("the recorder's preview hands out ids: it would prove nothing")
	}
}

func TestTheSameStackIsTheSameTreeTwice(t *testing.T) {
	var first, second bytes.Buffer
	review.WriteTree(&first, recorded(t, "prod", false), true)
	review.WriteTree(&second, recorded(t, "prod", false), true)
	if diff := cmp.Diff(first.String(), second.String()); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
}

func TestAFaultInAnyResourceTypeEndsTheRunWithAnErrorThatNamesIt(t *testing.T) {
	types := map[string]bool{}
	for _, n := range recorded(t, "prod", false).Nodes {
		types[n.Type] = true
	}
	for token := range types {
		t.Run(review.Short(token), func(t *testing.T) {
			_, err := review.Record(root, "prod", offlineProgram(), &review.Recorder{Fault: func(n review.Registration) error {
				if n.Type == token {
					return errors.New("quota exceeded")
				}
				return nil
			}})
			if err == nil {
				t.Fatal("the run succeeded")
			}
			if !strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "quota exceeded") {
				t.Errorf("the error names neither type nor cause: %v", err)
			}
		})
	}
}

func TestNothingIsRegisteredWhenAnInputIsBad(t *testing.T) {
	broken := errors.New("no compiler")
	for name, p := range map[string]*program{
		"tag":      {Tag: func(string) (string, error) { return "", broken }, Function: offlineProgram().Function},
		"function": {Tag: offlineProgram().Tag, Function: func(string) (string, error) { return "", broken }},
	} {
		rec := &review.Recorder{}
		if _, err := review.Record(root, "dev", p, rec); !errors.Is(err, broken) &&
			(err == nil || !strings.Contains(err.Error(), broken.Error())) {
			t.Errorf("%s: error is %v", name, err)
		}
		if len(rec.Nodes()) > 0 {
			t.Errorf("%s: %d resources were registered before the mistake was seen", name, len(rec.Nodes()))
		}
	}
}

func TestPlanPrintsATreeASummaryAndNoFindings(t *testing.T) {
	for _, stack := range stacks {
		var out bytes.Buffer
		if err := plan(&out, root, stack); err != nil {
			t.Errorf("plan %s: %v\n%s", stack, err, out.String())
		}
		for _, want := range []string{"msk.Cluster", "component", "No findings."} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("plan %s does not print %q", stack, want)
			}
		}
	}
}

func TestPlanFailsOnAFindingAndPrintsIt(t *testing.T) {
	g := recorded(t, "dev", false)
	unset(find(t, g, "cloudwatch.LogGroup", "brokers"), "retentionInDays")
	var out bytes.Buffer
	if err := review.WritePlan(&out, g); err == nil || !strings.Contains(out.String(),
		"1 finding(s):\n  every log group forgets: cloudwatch.LogGroup brokers has no retention") {
		t.Errorf("error is %v, output ends %q", err, out.String()[max(0, out.Len()-200):])
	}
}

func TestPlanSaysWhatItAssumed(t *testing.T) {
	var out bytes.Buffer
	if err := plan(&out, root, "prod"); err != nil {
		t.Fatal(err)
	}
	for _, owners := range []string{"edge.domain=events.example.com", "edge.hostedZoneId=Z0123456789EXAMPLE", "apiKeys"} {
		if !strings.Contains(out.String(), "assumed, because only its owner knows: "+owners) {
			t.Errorf("plan does not say that it assumed %s", owners)
		}
	}
}

func TestTheDiagramOnThePageIsTheProgramsOwn(t *testing.T) {
	want, err := review.Diagram(root, offlineProgram())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := review.WriteDiagram(root, offlineProgram()); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(filepath.Join(root, review.DiagramPath))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(have)); diff != "" {
		t.Errorf("go run ./stack diagram would change %s:\n%s", review.DiagramPath, diff)
	}
}

// find returns one registration, for a test to look at or to break.
func find(t *testing.T, g review.Graph, short, name string) *review.Registration {
	t.Helper()
	i := slices.IndexFunc(g.Nodes, func(n review.Registration) bool {
		return n.Custom && review.Short(n.Type) == short && n.Name == name
	})
	if i < 0 {
		t.Fatal(fmt.Errorf("no %s is called %s", short, name))
	}
	return &g.Nodes[i]
}

// containersOf reads a task definition. One that can't be read has none.
func containersOf(n *review.Registration) (all []container) {
	_ = json.Unmarshal([]byte(n.Text("containerDefinitions")), &all)
	return all
}
