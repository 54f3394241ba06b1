package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const sideMemory = 128 // MiB, the least that there is

// sideFunction is a small function beside the processors, in no VPC: it asks the API from where clients are. Its code
// is the processors' archive, and its handler says which of its functions it is.
type sideFunction struct {
	Handler     string // also its name in the program, and the end of its name in AWS
	Stack       string // name of the stack's resources
	Description string
	Seconds     int
	Variables   pulumi.StringMap
	Policy      func(arns []string) document // of ARNs, which follow its log group's and the key's
	ARNs        []pulumi.StringInput
	Key         dataKey
	Build       build
	Retention   retentionConfig
	Needs       []pulumi.Resource
}

// Names of the small functions, and of their roles, by the stack's.
func canaryName(stack string) string   { return stack + "-" + canaryHandler }
func rotationName(stack string) string { return stack + "-" + rotationHandler }

// The handlers as the program knows them.
const canaryHandler, rotationHandler = "canary", "rotation"

// newSideFunction makes the function with its role, and its log group, whose name it returns.
func newSideFunction(ctx *pulumi.Context, args sideFunction, child pulumi.ResourceOption) (
	*lambda.Function, pulumi.StringOutput, error,
) {
	physical := args.Stack + "-" + args.Handler
	logs, err := cloudwatch.NewLogGroup(ctx, args.Handler, &cloudwatch.LogGroupArgs{
		Name: pulumi.String("/aws/lambda/" + physical), RetentionInDays: pulumi.Int(args.Retention.LogDays),
		KmsKeyId: args.Key.ID(),
	}, child)
	if err != nil {
		return nil, pulumi.StringOutput{}, fmt.Errorf("create log group of %s: %w", args.Handler, err)
	}
	execution, err := newRole(ctx, args.Handler, physical, "lambda.amazonaws.com", policyOf(func(arns []string) document {
		d := args.Policy(arns[2:])
		writeLog := allow("WriteLogs", []string{arns[0] + ":*"}, "logs:CreateLogStream", "logs:PutLogEvents")
		return policy(append([]statement{writeLog}, d.Statement...)...).withKey(arns[1])
	}, append([]pulumi.StringInput{logs.Arn, args.Key.ARN()}, args.ARNs...)...), child)
	if err != nil {
		return nil, pulumi.StringOutput{}, err
	}
	settings := &lambda.FunctionArgs{
		Name: pulumi.String(physical), Description: pulumi.String(args.Description),
		Runtime: pulumi.String("provided.al2023"), Handler: pulumi.String(args.Handler),
		Architectures: pulumi.StringArray{pulumi.String("arm64")}, Role: execution.ARN, MemorySize: pulumi.Int(sideMemory),
		Timeout:     pulumi.Int(args.Seconds),
		Environment: &lambda.FunctionEnvironmentArgs{Variables: args.Variables}, KmsKeyArn: args.Key.ID(),
		LoggingConfig: &lambda.FunctionLoggingConfigArgs{LogFormat: pulumi.String("JSON"), LogGroup: logs.Name,
			ApplicationLogLevel: pulumi.String("TRACE"), SystemLogLevel: pulumi.String("WARN")},
		TracingConfig: &lambda.FunctionTracingConfigArgs{Mode: pulumi.String("PassThrough")},
	}
	args.Build.code(settings)
	function, err := lambda.NewFunction(ctx, args.Handler, settings, child,
		pulumi.DependsOn(append([]pulumi.Resource{execution.Policy}, args.Needs...)))
	if err != nil {
		return nil, pulumi.StringOutput{}, fmt.Errorf("create function %s: %w", args.Handler, err)
	}
	return function, logs.Name, nil
}
