package doctor

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

type services struct {
	list []types.Service
	err  error
}

func (s services) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (
	*ecs.DescribeServicesOutput, error) {
	return &ecs.DescribeServicesOutput{Services: s.list}, s.err
}

const (
	old    = "arn:aws:ecs:us-east-1:1:task-definition/shop-api:4"
	newest = "arn:aws:ecs:us-east-1:1:task-definition/shop-api:5"
)

// running is a service of two tasks that serves what was deployed last, with a change.
func running(change func(*types.Service)) Service {
	s := types.Service{ServiceName: aws.String("shop-api"), Status: aws.String("ACTIVE"), DesiredCount: 2, RunningCount: 2,
		Deployments: []types.Deployment{{Status: aws.String("PRIMARY"), TaskDefinition: aws.String(newest),
			RolloutState: types.DeploymentRolloutStateCompleted}}}
	change(&s)
	return Service{services{list: []types.Service{s}}, Stack{ECSCluster: "shop", Service: "shop-api",
		TaskDefinition: newest}}
}

func TestAServiceThatServesWhatWasDeployedIsWell(t *testing.T) {
	expect(t, running(func(*types.Service) {}), "")
	expect(t, running(func(s *types.Service) {
		s.Deployments[0].RolloutState = types.DeploymentRolloutStateInProgress
		s.Deployments[0].CreatedAt = aws.Time(time.Now().Add(-5 * time.Minute))
	}), "")
}

func TestADeploymentThatFailedWentBackOrDoesNotEndIsFound(t *testing.T) {
	expect(t, running(func(s *types.Service) {
		s.Deployments[0].RolloutState = types.DeploymentRolloutStateFailed
		s.Deployments[0].RolloutStateReason = aws.String("tasks failed to start")
	}), "", Finding{"the deployment of shop-api:5 failed: tasks failed to start", "deployments-of-the-api"})
	expect(t, running(func(s *types.Service) { s.Deployments[0].TaskDefinition = aws.String(old) }), "",
		Finding{"the service runs shop-api:4, and shop-api:5 was deployed last: it was rolled back",
			"deployments-of-the-api"})
	expect(t, running(func(s *types.Service) {
		s.Deployments[0].RolloutState = types.DeploymentRolloutStateInProgress
		s.Deployments[0].CreatedAt = aws.Time(time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC))
	}), "", Finding{"the deployment of shop-api:5 has gone on since 2026-01-31T10:00:00Z", "deployments-of-the-api"})
}

func TestTasksThatAreMissingAreFound(t *testing.T) {
	expect(t, running(func(s *types.Service) { s.RunningCount, s.PendingCount = 0, 1 }), "",
		Finding{"0 of 2 tasks of shop-api run, and 1 start", "api-tasks"})
}

func TestAServiceThatIsNotThereIsFoundAndARefusalIsNoAnswer(t *testing.T) {
	gone := Finding{"the cluster shop runs no service shop-api: pulumi up makes it", "deployments-of-the-api"}
	expect(t, running(func(s *types.Service) { s.Status = aws.String("INACTIVE") }), "", gone)
	at := Stack{ECSCluster: "shop", Service: "shop-api"}
	expect(t, Service{services{}, at}, "", gone)
	expect(t, Service{services{err: errDenied}, at}, "describe services shop-api: AccessDenied")
}

func TestAnotherServiceOfTheStackIsLookedAtToo(t *testing.T) {
	archiver := types.Service{ServiceName: aws.String("shop-archiver"), Status: aws.String("ACTIVE"), DesiredCount: 1,
		Deployments: []types.Deployment{{Status: aws.String("PRIMARY"), TaskDefinition: aws.String(old),
			RolloutState: types.DeploymentRolloutStateCompleted}}}
	check := running(func(*types.Service) {})
	check.Stack.OtherServices = []string{"shop-archiver"}
	expect(t, check, "", Finding{"the cluster shop runs no service shop-archiver: pulumi up makes it",
		"deployments-of-the-api"})
	check.API = services{list: append(check.API.(services).list, archiver)}
	expect(t, check, "", Finding{"0 of 1 tasks of shop-archiver run, and 0 start", "api-tasks"})
}
