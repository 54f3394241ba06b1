package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// ServiceAPI is the part of ECS that knows services.
type ServiceAPI interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput,
		error)
}

// Service finds deployments that failed, were rolled back or do not end, and missing tasks, of the API and of the other
// services. For other services the task definition that was deployed last is not known.
type Service struct {
	API   ServiceAPI
	Stack Stack
}

// endless is how long a deployment may take. ECS's circuit breaker gives up after minutes.
const endless = 30 * time.Minute

// Name is the check's.
func (Service) Name() string { return "service" }

// Ask asks ECS.
func (s Service) Ask(ctx context.Context) (found []Finding, err error) {
	names := append([]string{s.Stack.Service}, s.Stack.OtherServices...)
	out, err := s.API.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &s.Stack.ECSCluster, Services: names})
	if err != nil {
		return nil, fmt.Errorf("describe services %s: %w", strings.Join(names, ", "), err)
	}
	for _, name := range names {
		i := slices.IndexFunc(out.Services, func(s types.Service) bool {
			return aws.ToString(s.ServiceName) == name && aws.ToString(s.Status) == "ACTIVE"
		})
		if i < 0 {
			found = append(found, Finding{fmt.Sprintf("the cluster %s runs no service %s: pulumi up makes it",
				s.Stack.ECSCluster, name), headingDeployment})
			continue
		}
		service := out.Services[i]
		for _, d := range service.Deployments {
			found = append(found, s.inspect(name, d)...)
		}
		if service.RunningCount != service.DesiredCount {
			found = append(found, Finding{fmt.Sprintf("%d of %d tasks of %s run, and %d start", service.RunningCount,
				service.DesiredCount, name, service.PendingCount), headingTasks})
		}
	}
	return found, nil
}

func (s Service) inspect(name string, d types.Deployment) (found []Finding) {
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
	if name == s.Stack.Service && aws.ToString(d.Status) == "PRIMARY" &&
		aws.ToString(d.TaskDefinition) != s.Stack.TaskDefinition {
		found = append(found, Finding{fmt.Sprintf("the service runs %s, and %s was deployed last: it was rolled back",
			definition, short(s.Stack.TaskDefinition)), headingDeployment})
	}
	return found
}

// short is the part of an ARN after the last slash.
func short(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
