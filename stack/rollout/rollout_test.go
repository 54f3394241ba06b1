package rollout

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const (
	older = "arn:aws:ecs:us-east-1:123456789012:task-definition/events-api:7"
	newer = "arn:aws:ecs:us-east-1:123456789012:task-definition/events-api:8"
)

// service is an ECS that answers with one list of deployments after the other, the last one for ever.
type service struct {
	answers [][]types.Deployment
	err     error
	asked   int
}

func (s *service) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (
	*ecs.DescribeServicesOutput, error) {
	if s.err != nil {
		return nil, s.err
	}
	if *in.Cluster != "events" || in.Services[0] != "events-api" {
		return &ecs.DescribeServicesOutput{}, nil
	}
	deployments := s.answers[min(s.asked, len(s.answers)-1)]
	s.asked++
	return &ecs.DescribeServicesOutput{Services: []types.Service{{Deployments: deployments}}}, nil
}

func deployment(status, definition string, state types.DeploymentRolloutState) types.Deployment {
	reason := "tasks failed to start"
	return types.Deployment{Status: &status, TaskDefinition: &definition, RolloutState: state, RolloutStateReason: &reason,
		RunningCount: 1, DesiredCount: 3}
}

var (
	done       = []types.Deployment{deployment("PRIMARY", newer, types.DeploymentRolloutStateCompleted)}
	inProgress = []types.Deployment{deployment("PRIMARY", newer, types.DeploymentRolloutStateInProgress)}
	both       = append(done, deployment("ACTIVE", older, types.DeploymentRolloutStateCompleted))
	rolledBack = []types.Deployment{deployment("PRIMARY", older, types.DeploymentRolloutStateCompleted)}
	failed     = []types.Deployment{deployment("PRIMARY", newer, types.DeploymentRolloutStateFailed)}
)

// wait checks a roll-out on a fake ECS, before an API that is of one version after the other.
func wait(t *testing.T, s *service, versions ...string) error {
	t.Helper()
	asked := 0
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		version := versions[min(asked, len(versions)-1)]
		asked++
		if r.URL.Path != "/v1/health" || version == "" {
			http.Error(w, "no version here", http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable) // Kafka may be away
		_, _ = w.Write([]byte(`{"version":"` + version + `"}`))
	}))
	defer api.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	return Check{ECS: s, HTTP: api.Client(), Pause: time.Millisecond}.Wait(ctx, Wanted{
		Cluster: "events", Service: "events-api", TaskDefinition: newer, URL: api.URL, Version: "src-2",
	})
}

func TestARollOutThatServesSucceeds(t *testing.T) {
	if err := wait(t, &service{answers: [][]types.Deployment{done}}, "src-2"); err != nil {
		t.Error(err)
	}
}

func TestARollOutInProgressIsWaitedFor(t *testing.T) {
	s := &service{answers: [][]types.Deployment{inProgress, both, done}}
	if err := wait(t, s, "src-1", "", "src-2"); err != nil || s.asked != 3 {
		t.Errorf("after %d looks: %v", s.asked, err)
	}
}

func TestARollOutThatWentBackFailsAtOnce(t *testing.T) {
	s := &service{answers: [][]types.Deployment{inProgress, rolledBack}}
	err := wait(t, s, "src-2")
	if err == nil || !strings.Contains(err.Error(), "was rolled back") || !strings.Contains(err.Error(), older) ||
		s.asked != 2 {
		t.Errorf("after %d looks: %v", s.asked, err)
	}
}

func TestARollOutThatFailedSaysWhy(t *testing.T) {
	if err := wait(t, &service{answers: [][]types.Deployment{failed}}, "src-2"); err == nil ||
		!strings.Contains(err.Error(), "tasks failed to start") {
		t.Error(err)
	}
}

func TestARollOutThatDoesNotEndFailsInTime(t *testing.T) {
	for name, stuck := range map[string][]types.Deployment{"in progress": inProgress, "two deployments": both} {
		err := wait(t, &service{answers: [][]types.Deployment{stuck}}, "src-2")
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 of 3 tasks") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnAPIOfAnotherVersionFailsInTime(t *testing.T) {
	err := wait(t, &service{answers: [][]types.Deployment{done}}, "src-1")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), `answers with version "src-1"`) {
		t.Error(err)
	}
}

func TestWhatECSRefusesIsSaid(t *testing.T) {
	refusal := errors.New("AccessDenied")
	if err := wait(t, &service{err: refusal}, "src-2"); !errors.Is(err, refusal) {
		t.Error(err)
	}
	err := Check{ECS: &service{}}.Wait(t.Context(), Wanted{Cluster: "events", Service: "other"})
	if err == nil || !strings.Contains(err.Error(), "no service other") {
		t.Error(err)
	}
}

func TestAStackWithoutTheOutputsIsNotChecked(t *testing.T) {
	w := Wanted{Cluster: "c", Service: "s", TaskDefinition: newer, URL: "u", Version: "v", Function: "f",
		FunctionVersion: "2"}
	if err := w.Validate(); err != nil {
		t.Error(err)
	}
	w.Version = ""
	if err := w.Validate(); err == nil || !strings.Contains(err.Error(), "imageTag") {
		t.Error(err)
	}
}
