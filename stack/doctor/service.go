package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// ServiceAPI is what is asked of ECS.
type ServiceAPI interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput,
		error)
}

// Service finds deployments of the API that failed, went back or do not end, and tasks that are missing.
type Service struct {
	API   ServiceAPI
	Stack Stack
}

// endless is how long a deployment may take: ECS itself gives up on it by its circuit breaker after minutes.
const endless = 30 * time.Minute

// Name is the check's.
func (Service) Name() string { return "service" }

// Ask asks ECS.
func (s Service) Ask(ctx context.Context) (found []Finding, err error) {
	out, err := s.API.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &s.Stack.ECSCluster,
		Services: []string{s.Stack.Service}})
	if err != nil {
		return nil, fmt.Errorf("describe service %s: %w", s.Stack.Service, err)
	}
	if len(out.Services) != 1 || aws.ToString(out.Services[0].Status) != "ACTIVE" {
		return []Finding{{fmt.Sprintf("the cluster %s runs no service %s: pulumi up makes it", s.Stack.ECSCluster,
			s.Stack.Service), headingDeployment}}, nil
	}
	service := out.Services[0]
	for _, d := range service.Deployments {
		found = append(found, s.inspect(d)...)
	}
	if service.RunningCount != service.DesiredCount {
		found = append(found, Finding{fmt.Sprintf("%d of %d tasks run, and %d start", service.RunningCount,
			service.DesiredCount, service.PendingCount), headingTasks})
	}
	return found, nil
}

func (s Service) inspect(d types.Deployment) (found []Finding) {
	definition := short(aws.ToString(d.TaskDefinition))
	switch d.RolloutState {
	case types.DeploymentRolloutStateFailed:
		found = append(found, Finding{fmt.Sprintf("the deployment of %s failed: %s", definition,
			aws.ToString(d.RolloutStateReason)), headingDeployment})
	case types.DeploymentRolloutStateInProgress:
		if d.CreatedAt != nil && time.Since(*d.CreatedAt) > endless {
			found = append(found, Finding{fmt.Sprintf("the deployment of %s has gone on since %s", definition,
				d.CreatedAt.UTC().Format(time.RFC3339)), headingDeployment})
		}
	}
	if aws.ToString(d.Status) == "PRIMARY" && aws.ToString(d.TaskDefinition) != s.Stack.TaskDefinition {
		found = append(found, Finding{fmt.Sprintf("the service runs %s, and %s was deployed last: it was rolled back",
			definition, short(s.Stack.TaskDefinition)), headingDeployment})
	}
	return found
}

// short is what stands behind the last slash of an ARN.
func short(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
