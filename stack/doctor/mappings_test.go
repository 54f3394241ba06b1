package doctor

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

type mappings struct {
	list []types.EventSourceMappingConfiguration
	err  error
}

func (m mappings) ListEventSourceMappings(context.Context, *lambda.ListEventSourceMappingsInput,
	...func(*lambda.Options)) (*lambda.ListEventSourceMappingsOutput, error) {
	return &lambda.ListEventSourceMappingsOutput{EventSourceMappings: m.list}, m.err
}

// mapping is that of the function shop-f, by its alias.
func mapping(state, reason, result string) mappings {
	return mappings{list: []types.EventSourceMappingConfiguration{
		{FunctionArn: aws.String("arn:aws:lambda:us-east-1:1:function:other"), State: aws.String("Disabled")},
		{FunctionArn: aws.String("arn:aws:lambda:us-east-1:1:function:shop-f:live"), State: &state,
			StateTransitionReason: &reason, LastProcessingResult: &result}}}
}

var oneProcessor = Stack{Name: "shop", ClusterARN: "arn", Processors: []Processor{{Function: "shop-f", Group: "shop-g",
	Topic: "events", MaxLagSeconds: 300}}}

func TestAMappingThatDoesNotWorkIsFoundWithItsReason(t *testing.T) {
	expect(t, Mappings{mapping("Enabled", "USER_INITIATED", "OK"), oneProcessor}, "")
	expect(t, Mappings{mapping("Disabled", "USER_INITIATED", "No records processed"), oneProcessor}, "",
		Finding{"the mapping of shop-f is Disabled and not Enabled, USER_INITIATED, No records processed",
			"processor-stalled"})
	expect(t, Mappings{mapping("Enabled", "", "PROBLEM: Connection error."), oneProcessor}, "",
		Finding{"the mapping of shop-f says PROBLEM: Connection error.", "processor-stalled"})
	expect(t, Mappings{mappings{}, oneProcessor}, "",
		Finding{"no mapping feeds shop-f: pulumi up makes it", "processor-stalled"})
	expect(t, Mappings{mappings{err: errDenied}, oneProcessor}, "list event source mappings: AccessDenied")
}

func TestAStackThatStandsByFeedsNobody(t *testing.T) {
	idle := Stack{Processors: []Processor{{Function: "shop-f", Idle: true}}}
	expect(t, Mappings{mapping("Disabled", "", "PROBLEM: of last year"), idle}, "")
	expect(t, Mappings{mapping("Enabled", "", ""), idle}, "",
		Finding{"the mapping of shop-f is Enabled and not Disabled", "processor-stalled"})
}
