package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"event-processing-service/stack/review"
)

// exported is a stack for judges that are not part of this project (.ci/judges).
type exported struct {
	Stack          string
	Resources      []exportedResource
	DeployerPolicy document
}

type exportedResource struct {
	Type   string // in short, like msk.Cluster
	Name   string
	Inputs any // as registered; a secret is "(secret)"
}

// exportStack prints a stack's resources with the values that AWS would get.
func exportStack(w io.Writer, root, stack string) error {
	g, err := review.Record(root, stack, offlineProgram(), &review.Recorder{})
	if err != nil {
		return err
	}
	e := exported{Stack: stack}
	e.DeployerPolicy, _ = deployerPolicy(g, rightsOf(g))
	for _, n := range g.Nodes {
		if n.Custom && !strings.HasPrefix(n.Type, "pulumi:providers:") {
			e.Resources = append(e.Resources, exportedResource{review.Short(n.Type), n.Name, n.Plain()})
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(e); err != nil {
		return fmt.Errorf("write resources: %w", err)
	}
	return nil
}
