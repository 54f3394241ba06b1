package main

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// flowLogs records who talked to whom in the VPC. The files are Parquet, one an hour, which Athena reads at a tenth of
// the price of text.
func (n *Network) flowLogs(ctx *pulumi.Context, args networkArgs, vpc *ec2.Vpc) error {
	child := pulumi.Parent(n)
	bucket, policy, err := newBucket(ctx, bucketArgs{
		Name: args.Name, Purpose: "flow-logs", Protect: args.Protect, AccountID: n.AccountID, Region: args.Region,
		Key: args.Key, Writer: flowLogDelivery, KeepDays: args.Retention.FlowLogDays,
	}, child)
	if err != nil {
		return err
	}
	if _, err := ec2.NewFlowLog(ctx, "vpc", &ec2.FlowLogArgs{
		VpcId: vpc.ID(), TrafficType: pulumi.String(strings.ToUpper(args.FlowLogs)),
		LogDestinationType: pulumi.String("s3"), LogDestination: bucket.Arn, MaxAggregationInterval: pulumi.Int(600),
		DestinationOptions: &ec2.FlowLogDestinationOptionsArgs{
			FileFormat: pulumi.String("parquet"), PerHourPartition: pulumi.Bool(true),
			HiveCompatiblePartitions: pulumi.Bool(true),
		},
		Tags: nameTag(args.Name),
	}, child, pulumi.DependsOn([]pulumi.Resource{policy})); err != nil {
		return fmt.Errorf("create flow log: %w", err)
	}
	return n.flowLogQueries(ctx, args, bucket)
}
