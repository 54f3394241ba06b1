package main

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// archivePurpose is the part of the name of the archive's bucket that stands before the account.
const archivePurpose = "archive"

// Archive is the bucket with all records, and the task that writes them. The zero value is no archive.
type Archive struct {
	pulumi.ResourceState

	BucketARN pulumi.StringOutput
	URL       pulumi.StringOutput // for ARCHIVE_URL
	Bucket    pulumi.StringOutput // its name
	// Copies is the name of the bucket in another region, and CopiesKey the ARN of its key; "" where there is none.
	Copies, CopiesKey pulumi.StringOutput

	child pulumi.ResourceOption
}

type archiveArgs struct {
	Name      string
	Protect   bool
	Region    string
	AccountID pulumi.StringInput
	Key       dataKey
	Retention retentionConfig
	Events    []string // topics with events
	Letters   []string // topics with dead letters
	// Partitions is the number of the topic that has most.
	Partitions int
	Elsewhere  elsewhere
	archiveConfig
}

// noArchive is the value of a stack without an archive.
func noArchive() *Archive {
	none := pulumi.String("").ToStringOutput()
	return &Archive{BucketARN: none, Bucket: none, URL: none, Copies: none, CopiesKey: none}
}

// newArchive makes the bucket. The operator's task reads it, too.
func newArchive(ctx *pulumi.Context, name string, args archiveArgs, opts ...pulumi.ResourceOption) (*Archive, error) {
	a := noArchive()
	if err := register(ctx, "Archive", name, a, opts); err != nil {
		return nil, err
	}
	a.child = pulumi.Parent(a)
	bucket, versions, err := a.bucket(ctx, archivePurpose, args, args.Key, a.child)
	if err != nil {
		return nil, err
	}
	if args.ReplicateTo != "" {
		if err := a.replicate(ctx, args, bucket, versions); err != nil {
			return nil, err
		}
	}
	a.BucketARN, a.Bucket, a.URL = bucket.Arn, bucket.Bucket, pulumi.Sprintf("s3://%s", bucket.Bucket)
	if err := a.queries(ctx, args); err != nil {
		return nil, err
	}
	return a, ctx.RegisterResourceOutputs(a, pulumi.Map{"url": a.URL})
}

// bucket makes the bucket of the archive or of its copies. A deleted object stays as a version for a month.
func (a *Archive) bucket(ctx *pulumi.Context, purpose string, args archiveArgs, key dataKey,
	child pulumi.ResourceOption) (*s3.BucketV2, *s3.BucketVersioningV2, error) {
	bucket, _, err := newBucket(ctx, bucketArgs{Name: args.Name, Purpose: purpose, Protect: args.Protect,
		AccountID: args.AccountID, Region: args.Region, Key: key,
		WriteOnce: purpose == archivePurpose}, child) // S3 replicates objects without the condition
	if err != nil {
		return nil, nil, err
	}
	versions, err := keepVersions(ctx, purpose, bucket, child)
	if err != nil {
		return nil, nil, err
	}
	after := pulumi.DependsOn([]pulumi.Resource{versions})
	if _, err := s3.NewBucketLifecycleConfigurationV2(ctx, purpose, &s3.BucketLifecycleConfigurationV2Args{
		Bucket: bucket.ID(), Rules: archiveLifecycle(args.Retention.ArchiveDays, args.Colder),
	}, child, after); err != nil {
		return nil, nil, fmt.Errorf("set lifecycle of bucket %s: %w", purpose, err)
	}
	if lock := args.ObjectLock; lock != nil {
		if _, err := s3.NewBucketObjectLockConfigurationV2(ctx, purpose, &s3.BucketObjectLockConfigurationV2Args{
			Bucket: bucket.ID(), ObjectLockEnabled: pulumi.String("Enabled"),
			Rule: &s3.BucketObjectLockConfigurationV2RuleArgs{
				DefaultRetention: &s3.BucketObjectLockConfigurationV2RuleDefaultRetentionArgs{
					Mode: pulumi.String(strings.ToUpper(lock.Mode)), Days: pulumi.Int(lock.Days),
				},
			},
		}, child, after); err != nil {
			return nil, nil, fmt.Errorf("lock the objects of bucket %s: %w", purpose, err)
		}
	}
	return bucket, versions, nil
}

// archiveLifecycle moves objects to a colder class and deletes them. S3 does not move objects of less than 128 KB:
// colder classes charge for 128 KB at least.
func archiveLifecycle(keepDays int, colder *colderConfig) s3.BucketLifecycleConfigurationV2RuleArray {
	everything := &s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String("")}
	keep := &s3.BucketLifecycleConfigurationV2RuleArgs{
		Id: pulumi.String("keep"), Status: pulumi.String("Enabled"), Filter: everything,
		Expiration: &s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: pulumi.Int(keepDays)},
		NoncurrentVersionExpiration: &s3.BucketLifecycleConfigurationV2RuleNoncurrentVersionExpirationArgs{
			NoncurrentDays: pulumi.Int(30)},
		AbortIncompleteMultipartUpload: &s3.BucketLifecycleConfigurationV2RuleAbortIncompleteMultipartUploadArgs{
			DaysAfterInitiation: pulumi.Int(7)},
	}
	if colder != nil {
		keep.Transitions = s3.BucketLifecycleConfigurationV2RuleTransitionArray{
			&s3.BucketLifecycleConfigurationV2RuleTransitionArgs{Days: pulumi.Int(colder.AfterDays),
				StorageClass: pulumi.String(colder.Class)}}
	}
	return s3.BucketLifecycleConfigurationV2RuleArray{keep,
		// A deleted object leaves a marker. S3 demands a separate rule to remove it.
		&s3.BucketLifecycleConfigurationV2RuleArgs{
			Id: pulumi.String("markers"), Status: pulumi.String("Enabled"), Filter: everything,
			Expiration: &s3.BucketLifecycleConfigurationV2RuleExpirationArgs{ExpiredObjectDeleteMarker: pulumi.Bool(true)},
		}}
}

// archiverArgs is what the task needs beside the bucket.
type archiverArgs struct {
	service serviceArgs // arguments of the API: its image, network, brokers and topics
	Cluster pulumi.StringInput
	Group   pulumi.StringInput // security group
}

// run makes the service with one task that archives. During a roll-out a second task runs beside it and archives some
// records twice. Readers drop such copies.
func (a *Archive) run(ctx *pulumi.Context, args archiverArgs) error {
	s := args.service
	logs, err := cloudwatch.NewLogGroup(ctx, "archive", &cloudwatch.LogGroupArgs{
		Name:            pulumi.Sprintf("/ecs/%s-archive", s.Name),
		RetentionInDays: pulumi.Int(s.Retention.LogDays), KmsKeyId: s.Key.ID(),
	}, a.child)
	if err != nil {
		return fmt.Errorf("create log group of archiver: %w", err)
	}
	if err := countLines(ctx, s.Name, logs, a.child); err != nil {
		return err
	}
	execution, err := newRole(ctx, "archive-execution", s.Name+"-archive-execution", "ecs-tasks.amazonaws.com",
		policyOf(func(arns []string) document { return executionPolicy(arns[0], "", arns[1]) }, s.Image.RepositoryARN,
			logs.Arn), a.child)
	if err != nil {
		return err
	}
	task, err := newRole(ctx, "archive", s.Name+"-archive", "ecs-tasks.amazonaws.com",
		policyOf(func(arns []string) document {
			return archiverPolicy(archiverARNs{Cluster: arns[0], Topics: s.Topics.eventTopics(),
				DeadLetters: s.Topics.DeadLetterTopic(), Group: archiveGroup(s.Name), Bucket: arns[1]}).withKey(arns[2])
		}, s.Kafka.ClusterARN, a.BucketARN, s.Key.ARN()), a.child)
	if err != nil {
		return err
	}
	containers := pulumi.StringArray{s.Image.Digest, s.Kafka.BootstrapServers, logs.Name, a.URL}.ToStringArrayOutput().
		ApplyT(func(v []string) string {
			return containersJSON(archiverContainers(deployed{Image: v[0], BootstrapServers: v[1], LogGroup: v[2],
				ArchiveURL: v[3]}, s.Settings))
		}).(pulumi.StringOutput)
	definition, err := newTaskDefinition(ctx, taskArgs{"archive", s.Name + "-archive", archiverCPU, archiverMemory,
		containers, execution, task}, a.child)
	if err != nil {
		return err
	}
	needs := append([]pulumi.Resource{execution.Policy, task.Policy}, s.Kafka.Topics...)
	tasks := 1
	if s.Standby {
		tasks = 0
	}
	if _, err := ecs.NewService(ctx, "archive", &ecs.ServiceArgs{
		Name: pulumi.String(s.Name + "-archive"), Cluster: args.Cluster, TaskDefinition: definition.Arn,
		LaunchType: pulumi.String("FARGATE"), DesiredCount: pulumi.Int(tasks),
		NetworkConfiguration: &ecs.ServiceNetworkConfigurationArgs{
			Subnets: s.Network.PrivateSubnets, SecurityGroups: pulumi.StringArray{args.Group},
			AssignPublicIp: pulumi.Bool(false),
		},
		DeploymentMinimumHealthyPercent: pulumi.Int(100), DeploymentMaximumPercent: pulumi.Int(200),
		DeploymentCircuitBreaker: &ecs.ServiceDeploymentCircuitBreakerArgs{Enable: pulumi.Bool(true),
			Rollback: pulumi.Bool(true)},
		AvailabilityZoneRebalancing: pulumi.String("ENABLED"), WaitForSteadyState: pulumi.Bool(true),
		PropagateTags: pulumi.String("SERVICE"), EnableEcsManagedTags: pulumi.Bool(true),
	}, a.child, pulumi.DependsOn(append(needs, s.Network.Rules...))); err != nil {
		return fmt.Errorf("create ECS service of archiver: %w", err)
	}
	return nil
}
