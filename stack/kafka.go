package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/msk"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Kafka is the MSK cluster and its topics.
type Kafka struct {
	pulumi.ResourceState

	ClusterName      string
	ClusterARN       pulumi.StringOutput
	BootstrapServers pulumi.StringOutput
	Topics           []pulumi.Resource // what produces and consumes waits for them
	LogGroup         pulumi.StringOutput
}

type kafkaArgs struct {
	Name          string
	Protect       bool
	Subnets       pulumi.StringArrayInput
	SecurityGroup pulumi.StringInput
	KeyARN        pulumi.StringInput
	Key           dataKey // of the logs
	Processors    []namedProcessor
	Retention     retentionConfig
	kafkaConfig
}

// serverProperties are the brokers' settings that differ from MSK's own. A misspelt topic is an error and not a new
// topic. A broker that is behind never becomes the leader, so acknowledged records stay. A write is acknowledged when
// as many copies have it as there can be with one broker away. Records stay for as long as the configuration says.
// These are not settings of the topics, because only the brokers' settings can be changed later (see
// deadLetterConfigs).
func serverProperties(c kafkaConfig, topicHours int) string {
	return fmt.Sprintf("auto.create.topics.enable=false\nunclean.leader.election.enable=false\n"+
		"default.replication.factor=%d\nmin.insync.replicas=%d\nlog.retention.hours=%d\n",
		c.ReplicationFactor(), c.MinInSyncReplicas(), topicHours)
}

// sortBrokers sorts a list of brokers. MSK returns it in any order, and a new order would make a new task definition.
func sortBrokers(list string) string {
	brokers := strings.Split(list, ",")
	slices.Sort(brokers)
	return strings.Join(brokers, ",")
}

func newKafka(ctx *pulumi.Context, name string, args kafkaArgs, opts ...pulumi.ResourceOption) (*Kafka, error) {
	k := &Kafka{ClusterName: args.Name}
	if err := register(ctx, "Kafka", name, k, opts); err != nil {
		return nil, err
	}
	child := pulumi.Parent(k)

	logs, err := cloudwatch.NewLogGroup(ctx, "brokers", &cloudwatch.LogGroupArgs{
		// AWS's services may write below /aws/vendedlogs without a resource policy for each; an account may have only ten.
		Name:            pulumi.String("/aws/vendedlogs/msk/" + args.Name),
		RetentionInDays: pulumi.Int(args.Retention.LogDays), KmsKeyId: args.Key.ID(),
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create log group of brokers: %w", err)
	}
	settings, err := msk.NewConfiguration(ctx, "settings", &msk.ConfigurationArgs{
		Name:             pulumi.String(args.Name),
		Description:      pulumi.String("No topics by accident, no unclean leaders"),
		ServerProperties: pulumi.String(serverProperties(args.kafkaConfig, args.Retention.TopicHours)),
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create broker configuration: %w", err)
	}
	options := []pulumi.ResourceOption{child}
	if args.MaxVolumeGiB > 0 {
		// The autoscaler may have enlarged the disks: a deployment that would shrink them fails.
		options = append(options, pulumi.IgnoreChanges([]string{"brokerNodeGroupInfo.storageInfo.ebsStorageInfo.volumeSize"}))
	}
	cluster, err := msk.NewCluster(ctx, "cluster", &msk.ClusterArgs{
		ClusterName:         pulumi.String(args.Name),
		KafkaVersion:        pulumi.String(args.Version),
		NumberOfBrokerNodes: pulumi.Int(args.Brokers),
		BrokerNodeGroupInfo: &msk.ClusterBrokerNodeGroupInfoArgs{
			InstanceType:   pulumi.String(args.InstanceType),
			ClientSubnets:  args.Subnets,
			SecurityGroups: pulumi.StringArray{args.SecurityGroup},
			StorageInfo: &msk.ClusterBrokerNodeGroupInfoStorageInfoArgs{
				EbsStorageInfo: &msk.ClusterBrokerNodeGroupInfoStorageInfoEbsStorageInfoArgs{
					VolumeSize: pulumi.Int(args.VolumeGiB),
				},
			},
		},
		ConfigurationInfo: &msk.ClusterConfigurationInfoArgs{Arn: settings.Arn, Revision: settings.LatestRevision},
		// IAM is the only way to authenticate: rights are per topic and group, and there is no password to store.
		ClientAuthentication: &msk.ClusterClientAuthenticationArgs{
			Sasl:            &msk.ClusterClientAuthenticationSaslArgs{Iam: pulumi.Bool(true), Scram: pulumi.Bool(false)},
			Unauthenticated: pulumi.Bool(false),
		},
		EncryptionInfo: &msk.ClusterEncryptionInfoArgs{
			EncryptionAtRestKmsKeyArn: args.KeyARN,
			EncryptionInTransit: &msk.ClusterEncryptionInfoEncryptionInTransitArgs{ClientBroker: pulumi.String("TLS"),
				InCluster: pulumi.Bool(true)},
		},
		LoggingInfo: &msk.ClusterLoggingInfoArgs{
			BrokerLogs: &msk.ClusterLoggingInfoBrokerLogsArgs{
				CloudwatchLogs: &msk.ClusterLoggingInfoBrokerLogsCloudwatchLogsArgs{Enabled: pulumi.Bool(true),
					LogGroup: logs.Name},
			},
		},
		// The level that costs nothing has consumer lag in time, disk, and the state of partitions.
		EnhancedMonitoring: pulumi.String("DEFAULT"),
	}, keep(args.Protect, options...)...)
	if err != nil {
		return nil, fmt.Errorf("create MSK cluster: %w", err)
	}
	if args.MaxVolumeGiB > 0 {
		if err := growDisks(ctx, args.kafkaConfig, cluster.Arn, child); err != nil {
			return nil, err
		}
	}
	k.ClusterARN = cluster.Arn
	k.LogGroup = logs.Name
	k.BootstrapServers = cluster.BootstrapBrokersSaslIam.ApplyT(sortBrokers).(pulumi.StringOutput)

	for _, topic := range args.topics(args.Processors) { // one after the other: MSK takes one change at a time
		registered, err := newTopic(ctx, topic.TopicName, cluster.Arn, topic,
			keep(args.Protect, child, pulumi.DependsOn(k.Topics))...)
		if err != nil {
			return nil, err
		}
		k.Topics = append(k.Topics, registered)
	}
	return k, ctx.RegisterResourceOutputs(k, pulumi.Map{"clusterArn": k.ClusterARN,
		"bootstrapServers": k.BootstrapServers})
}
