package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// MappingsAPI is the part of Lambda that knows event source mappings.
type MappingsAPI interface {
	ListEventSourceMappings(context.Context, *lambda.ListEventSourceMappingsInput, ...func(*lambda.Options)) (
		*lambda.ListEventSourceMappingsOutput, error)
}

// Mappings finds processors that no mapping feeds, and mappings that do not work.
type Mappings struct {
	API   MappingsAPI
	Stack Stack
}

// Name is the check's.
func (Mappings) Name() string { return "mappings" }

// Ask lists all mappings of the cluster: by the function's name, Lambda does not list mappings of an alias.
func (m Mappings) Ask(ctx context.Context) (found []Finding, err error) {
	of := map[string]types.EventSourceMappingConfiguration{} // by function
	pages := lambda.NewListEventSourceMappingsPaginator(m.API, &lambda.ListEventSourceMappingsInput{
		EventSourceArn: &m.Stack.ClusterARN})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list event source mappings: %w", err)
		}
		for _, mapping := range page.EventSourceMappings {
			of[functionOf(aws.ToString(mapping.FunctionArn))] = mapping
		}
	}
	for _, p := range m.Stack.Processors {
		mapping, is := of[p.Function]
		if !is {
			found = append(found, Finding{"no mapping feeds " + p.Function + ": pulumi up makes it", headingStalled})
			continue
		}
		found = append(found, p.inspect(mapping)...)
	}
	return found, nil
}

func (p Processor) inspect(mapping types.EventSourceMappingConfiguration) []Finding {
	wanted, state := "Enabled", aws.ToString(mapping.State)
	if p.Idle {
		wanted = "Disabled"
	}
	result := aws.ToString(mapping.LastProcessingResult)
	switch {
	case state != wanted:
		what := fmt.Sprintf("the mapping of %s is %s and not %s", p.Function, state, wanted)
		for _, why := range []string{aws.ToString(mapping.StateTransitionReason), result} {
			if why != "" {
				what += ", " + why
			}
		}
		return []Finding{{what, headingStalled}}
	case !p.Idle && strings.HasPrefix(result, "PROBLEM"):
		return []Finding{{fmt.Sprintf("the mapping of %s says %s", p.Function, result), headingStalled}}
	}
	return nil
}

// functionOf is the name in the ARN of a function, of one of its versions or of an alias.
func functionOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 6 {
		return parts[6]
	}
	return ""
}
