// Package rollout finds out whether the version that was deployed serves now. `pulumi up` does not: when ECS's circuit
// breaker rolls back, the service becomes steady with the old tasks, and the command succeeds.
package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// ECS is the part of ECS that knows services.
type ECS interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput,
		error)
}

// Wanted is what was just deployed, by the outputs of the stack.
type Wanted struct {
	Cluster        string `json:"ecsCluster"`
	Service        string `json:"ecsService"`
	TaskDefinition string `json:"taskDefinition"` // ARN
	URL            string `json:"apiUrl"`
	Version        string `json:"imageTag"`

	Function        string   `json:"processorFunction"`
	FunctionVersion string   `json:"processorVersion"`
	Canary          Shares   `json:"canary"`
	Alarms          []string `json:"watchedAlarms"` // the canary's
	APIAlarms       []string `json:"apiAlarms"`     // which ECS watches in a deployment

	Others map[string]Function `json:"processors"` // by name
}

// Function is the function of a processor, and how its new version takes over.
type Function struct {
	Name    string   `json:"function"`
	Version string   `json:"version"`
	Canary  Shares   `json:"canary"`
	Alarms  []string `json:"watchedAlarms"`
}

// Functions are the function of the first processor, and those of the others in the order of their names.
func (w Wanted) Functions() []Function {
	all := []Function{{w.Function, w.FunctionVersion, w.Canary, w.Alarms}}
	for _, name := range slices.Sorted(maps.Keys(w.Others)) {
		all = append(all, w.Others[name])
	}
	return all
}

// AllAlarms are those of the API and of every function.
func (w Wanted) AllAlarms() []string {
	all := slices.Clone(w.APIAlarms)
	for _, f := range w.Functions() {
		all = append(all, f.Alarms...)
	}
	return all
}

// Validate reports the first missing output: a stack that an older program deployed lacks some.
func (w Wanted) Validate() error {
	for name, value := range map[string]string{"ecsCluster": w.Cluster, "ecsService": w.Service,
		"taskDefinition": w.TaskDefinition, "apiUrl": w.URL, "imageTag": w.Version, "processorFunction": w.Function,
		"processorVersion": w.FunctionVersion} {
		if value == "" {
			return fmt.Errorf("the stack has no output %s: deploy it first", name)
		}
	}
	return nil
}

// Check waits until w serves. It returns an error at once if w never will, and when the context ends.
type Check struct {
	ECS   ECS
	HTTP  *http.Client
	Pause time.Duration // between two checks
}

// errUnfinished says that a later check may succeed.
var errUnfinished = errors.New("is not finished")

// Wait checks the service's deployments until only the wanted one is left, and then the version that the API reports.
func (c Check) Wait(ctx context.Context, w Wanted) error {
	for _, look := range []func(context.Context, Wanted) error{c.deployments, c.version} {
		var last error // the last one before time was up
		for {
			err := look(ctx, w)
			if err == nil {
				break
			}
			if last == nil || ctx.Err() == nil {
				last = err
			}
			if !errors.Is(last, errUnfinished) {
				return err
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("wait for roll-out: %w: %w", ctx.Err(), last)
			case <-time.After(c.Pause):
			}
		}
	}
	return nil
}

// deployments succeeds if the service's only deployment has the wanted task definition and is completed.
func (c Check) deployments(ctx context.Context, w Wanted) error {
	out, err := c.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &w.Cluster, Services: []string{w.Service}})
	if err != nil {
		return fmt.Errorf("describe service %s: %w", w.Service, err)
	}
	if len(out.Services) != 1 {
		return fmt.Errorf("cluster %s has no service %s", w.Cluster, w.Service)
	}
	for _, d := range out.Services[0].Deployments {
		if text(d.Status) != "PRIMARY" {
			continue
		}
		switch {
		case text(d.TaskDefinition) != w.TaskDefinition:
			return fmt.Errorf("the service runs %s and not %s: the roll-out failed and was rolled back; "+
				"its events, and the log of the tasks that stopped, say why", text(d.TaskDefinition), w.TaskDefinition)
		case d.RolloutState == types.DeploymentRolloutStateFailed:
			return fmt.Errorf("the roll-out of %s failed: %s", w.TaskDefinition, text(d.RolloutStateReason))
		case d.RolloutState != types.DeploymentRolloutStateCompleted, len(out.Services[0].Deployments) > 1:
			return fmt.Errorf("the roll-out of %s %w: %d of %d tasks, %d deployments", w.TaskDefinition, errUnfinished,
				d.RunningCount, d.DesiredCount, len(out.Services[0].Deployments))
		}
		return nil
	}
	return fmt.Errorf("service %s has no primary deployment", w.Service)
}

// version succeeds if the API reports the wanted version, whether or not it is healthy: Kafka may be away. For a while
// the load balancer may still send requests to an old task.
func (c Check) version(ctx context.Context, w Wanted) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+"/v1/health", nil)
	if err != nil {
		return fmt.Errorf("ask for version: %w", err)
	}
	answer, err := c.HTTP.Do(request)
	if err != nil {
		return fmt.Errorf("version %s %w: %w", w.Version, errUnfinished, err)
	}
	defer answer.Body.Close()
	var health struct{ Version string }
	if err := json.NewDecoder(answer.Body).Decode(&health); err != nil {
		return fmt.Errorf("version %s %w: %s answers %s, which has no version", w.Version, errUnfinished, w.URL,
			answer.Status)
	}
	if health.Version != w.Version {
		return fmt.Errorf("version %s %w: %s answers with version %q", w.Version, errUnfinished, w.URL, health.Version)
	}
	return nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
