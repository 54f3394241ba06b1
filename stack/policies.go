package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// document is an IAM policy. The functions of this file make policies from plain ARNs, so that a test can read them.
type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal map[string]string `json:",omitempty"`
	Action    []string
	Resource  []string                     `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

func policy(statements ...statement) document {
	return document{Version: "2012-10-17", Statement: statements}
}

// allow grants actions on resources, never more than what is named here.
func allow(sid string, resources []string, actions ...string) statement {
	return statement{Sid: sid, Effect: "Allow", Action: actions, Resource: resources}
}

// JSON writes the same text for the same document, so that an unchanged policy shows no difference.
func (d document) JSON() string {
	text, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("marshal policy of strings: %v", err)) // cannot happen: it holds strings only
	}
	return string(text)
}

// assumeRole lets one AWS service take a role.
func assumeRole(service string) document {
	return policy(statement{
		Sid: "Assume", Effect: "Allow", Principal: map[string]string{"Service": service}, Action: []string{"sts:AssumeRole"},
	})
}

// kafkaARN is the ARN of a topic or a group, which MSK derives from the cluster's ARN.
func kafkaARN(clusterARN, kind, name string) string {
	return strings.Replace(clusterARN, ":cluster/", ":"+kind+"/", 1) + "/" + name
}

func topicARNs(clusterARN string, topics []string) (all []string) {
	for _, topic := range topics {
		all = append(all, kafkaARN(clusterARN, "topic", topic))
	}
	return all
}

// produce is what an idempotent producer needs. WriteDataIdempotently is a right on the cluster. Without it MSK may
// refuse a producer id to a producer that has rights on some topics only.
func produce(cluster string, topics ...string) []statement {
	return []statement{
		allow("Producer", []string{cluster}, "kafka-cluster:Connect", "kafka-cluster:DescribeCluster",
			"kafka-cluster:WriteDataIdempotently"),
		allow("Produce", topicARNs(cluster, topics), "kafka-cluster:DescribeTopic",
			"kafka-cluster:WriteData"),
	}
}

// apiPolicy lets the API publish events and look up their outcomes, and the collector beside it send traces and
// metrics.
func apiPolicy(a apiARNs) document {
	statements := append(produce(a.Cluster, a.Topics...), allow("ReadOutcome", []string{a.Table}, "dynamodb:GetItem"))
	for _, keys := range []struct{ sid, secret string }{{"ReadAPIKeys", a.Keys}, {"ReadCanaryKey", a.CanaryKey}} {
		if keys.secret != "" {
			statements = append(statements, allow(keys.sid, []string{keys.secret}, "secretsmanager:GetSecretValue"))
		}
	}
	statements = append(statements, shareLimits(a.Cache, a.CacheUser)...)
	statements = append(statements, writeMetrics(a.MetricsLog)...)
	return policy(append(statements, sendTraces(a.Traced, "xray:PutTraceSegments")...)...)
}

// apiARNs are the resources that the API and the collector beside it use.
type apiARNs struct {
	Cluster          string
	Topics           []string // by their names
	Table            string
	Keys, CanaryKey  string // secrets; empty without keys, and without a canary
	MetricsLog       string // log group; empty without metrics
	Cache, CacheUser string // empty without a cache
	Traced           bool
}

// operatorPolicy lets eventctl read events and dead letters, in Kafka and in the archive, write both back to their
// topics, and see how far the processors are. archive is the archive's bucket; empty without one.
func operatorPolicy(cluster, archive string, topics, deadLetters, processorGroups []string) document {
	var groups []string
	for _, group := range processorGroups {
		groups = append(groups, kafkaARN(cluster, "group", group))
	}
	return policy(slices.Concat(produce(cluster, topics...), []statement{
		allow("ReadTopics", topicARNs(cluster, slices.Concat(topics, deadLetters)),
			"kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"),
		allow("OwnGroups", []string{kafkaARN(cluster, "group", "eventctl-*")}, "kafka-cluster:DescribeGroup",
			"kafka-cluster:AlterGroup"),
		allow("SeeProcessor", groups, "kafka-cluster:DescribeGroup"),
	}, readArchive(archive))...)
}

// processorARNs are the resources that the processor and its mapping use. The mapping polls with the function's role.
type processorARNs struct {
	Cluster, Topic, DeadLetters, Group string
	Published                          []string // topics that handlers may publish to
	Table, LogGroup                    string
	Function                           string // its name
	Undelivered                        string // bucket; empty without one
	Traced                             bool
	Uses                               usesConfig
}

// at is an ARN in the region and account of the cluster, which are the function's, too.
func (a processorARNs) at(service, resource string) string {
	cluster := strings.SplitN(a.Cluster, ":", 6)
	return strings.Join([]string{"arn", cluster[1], service, cluster[3], cluster[4], resource}, ":")
}

// networkInterfaces are the rights that Lambda needs to put a function into a VPC.
var networkInterfaces = []string{
	"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
	"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
	"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
}

// processorPolicy is for the function and for the pollers. AWS's own AWSLambdaMSKExecutionRole is not used: it has
// no kafka-cluster right at all, and its log rights are on everything.
func processorPolicy(a processorARNs) document {
	statements := append(produce(a.Cluster, a.DeadLetters),
		allow("Pollers", []string{a.Cluster}, "kafka-cluster:DescribeClusterDynamicConfiguration", "kafka:DescribeCluster",
			"kafka:DescribeClusterV2"),
		// IAM has no resource for this action: with the cluster's ARN it would grant nothing.
		allow("FindBrokers", []string{"*"}, "kafka:GetBootstrapBrokers"),
		// Handlers may publish follow-up events.
		allow("Consume", []string{kafkaARN(a.Cluster, "topic", a.Topic)}, "kafka-cluster:DescribeTopic",
			"kafka-cluster:ReadData", "kafka-cluster:WriteData"),
		// A function that takes over from one that died looks for the dead letter that the other may have stored.
		allow("FindDeadLetters", []string{kafkaARN(a.Cluster, "topic", a.DeadLetters)}, "kafka-cluster:ReadData"),
		allow("ConsumerGroup", []string{kafkaARN(a.Cluster, "group", a.Group)}, "kafka-cluster:DescribeGroup",
			"kafka-cluster:AlterGroup"),
		// Changes of several events share a request, in PartiQL. The items of changes that it refuses are read together.
		allow("RememberOutcome", []string{a.Table}, "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PartiQLInsert",
			"dynamodb:PartiQLUpdate", "dynamodb:PutItem"),
		allow("WriteLogs", []string{a.LogGroup + ":*"}, "logs:CreateLogStream", "logs:PutLogEvents"),
		// Lambda puts the function and the pollers into the VPC with this role. No network interface has an ARN beforehand.
		allow("NetworkInterfaces", []string{"*"}, networkInterfaces...),
		// The function's code has the role's rights, too, and needs none on networks. A version or alias may follow the
		// function's ARN.
		statement{Sid: "NotByTheFunction", Effect: "Deny", Action: networkInterfaces, Resource: []string{"*"},
			Condition: map[string]map[string]string{
				"ArnLike": {"lambda:SourceFunctionArn": a.at("lambda", "function:"+a.Function+"*")}}},
	)
	// Lambda's own daemon sends traces, and reports on itself.
	statements = append(statements, sendTraces(a.Traced, "xray:PutTelemetryRecords", "xray:PutTraceSegments")...)
	others := slices.DeleteFunc(slices.Clone(a.Published), func(topic string) bool { return topic == a.Topic })
	if len(others) > 0 {
		statements = append(statements, allow("PublishElsewhere", topicARNs(a.Cluster, others),
			"kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"))
	}
	if a.Undelivered != "" {
		statements = append(statements,
			allow("KeepUndelivered", []string{a.Undelivered + "/*"}, "s3:PutObject"),
			allow("FindUndelivered", []string{a.Undelivered}, "s3:ListBucket"))
	}
	return policy(append(statements, a.Uses.statements(a.at)...)...)
}

// executionPolicy lets ECS pull the images and open the log stream before a task starts. beside is the repository of
// another image; "" where that needs no rights.
func executionPolicy(repository, beside, logGroup string) document {
	repositories := []string{repository}
	if beside != "" {
		repositories = append(repositories, beside)
	}
	return policy(
		// A token is for the whole registry: AWS has no narrower resource.
		allow("RegistryToken", []string{"*"}, "ecr:GetAuthorizationToken"),
		allow("PullImage", repositories, pullImage...),
		allow("WriteLogs", []string{logGroup + ":*"}, writeLogs...),
	)
}

// What ECS does for a task, and what a role or an endpoint lets through of it.
var (
	pullImage = []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
	writeLogs = []string{"logs:CreateLogStream", "logs:PutLogEvents"}
)

type topicWriter struct{ sid, principal string }

// alarmTopicWriters are the services of AWS that write to the topic of the alarms.
func alarmTopicWriters(budget bool) []topicWriter {
	writers := []topicWriter{{"Alarms", "cloudwatch.amazonaws.com"}}
	if budget {
		writers = append(writers, topicWriter{"Budget", "budgets.amazonaws.com"},
			topicWriter{"CostAnomalies", "costalerts.amazonaws.com"})
	}
	return writers
}

// topicPolicy lets these services write to the topic of the alarms on behalf of this account. (Without a policy of its
// own, a topic accepts messages of all resources of the account, and none of services without a resource, such as
// budgets.)
func topicPolicy(account, topic string) document {
	var statements []statement
	for _, service := range alarmTopicWriters(true) {
		statements = append(statements, statement{Sid: service.sid, Effect: "Allow",
			Principal: map[string]string{"Service": service.principal},
			Action:    []string{"sns:Publish"}, Resource: []string{topic},
			Condition: map[string]map[string]string{"StringEquals": {"aws:SourceAccount": account}}})
	}
	return policy(statements...)
}

// Services of AWS that write logs into buckets.
const (
	balancerLogDelivery = "logdelivery.elasticloadbalancing.amazonaws.com"
	flowLogDelivery     = "delivery.logs.amazonaws.com"
	configDelivery      = "config.amazonaws.com"
)

// bucketPolicy refuses plain HTTP. Where writer names a service of AWS, it lets that service write this account's logs.
func bucketPolicy(bucket, region, account, writer string) document {
	refuse := statement{Sid: "TLSOnly", Effect: "Deny", Principal: map[string]string{"AWS": "*"}, Action: []string{"s3:*"},
		Resource:  []string{bucket, bucket + "/*"},
		Condition: map[string]map[string]string{"Bool": {"aws:SecureTransport": "false"}}}
	principal := map[string]string{"Service": writer}
	write := statement{Sid: "WriteLogs", Effect: "Allow", Principal: principal, Action: []string{"s3:PutObject"},
		Resource: []string{bucket + "/AWSLogs/*"}}
	switch writer {
	case balancerLogDelivery:
		write.Resource = []string{bucket + "/AWSLogs/" + account + "/*"}
		write.Condition = map[string]map[string]string{"ArnLike": {
			"aws:SourceArn": "arn:aws:elasticloadbalancing:" + region + ":" + account + ":loadbalancer/*",
		}}
		return policy(refuse, write)
	case flowLogDelivery:
		ours := map[string]string{"aws:SourceAccount": account}
		source := map[string]string{"aws:SourceArn": "arn:aws:logs:" + region + ":" + account + ":*"}
		write.Condition = map[string]map[string]string{"ArnLike": source,
			"StringEquals": {"aws:SourceAccount": account, "s3:x-amz-acl": "bucket-owner-full-control"}}
		return policy(refuse, write, statement{Sid: "CheckBucket", Effect: "Allow", Principal: principal,
			Action: []string{"s3:GetBucketAcl"}, Resource: []string{bucket},
			Condition: map[string]map[string]string{"StringEquals": ours, "ArnLike": source}})
	case configDelivery:
		ours := map[string]string{"aws:SourceAccount": account}
		write.Resource = []string{bucket + "/AWSLogs/" + account + "/Config/*"}
		write.Condition = map[string]map[string]string{"StringEquals": {"aws:SourceAccount": account,
			"s3:x-amz-acl": "bucket-owner-full-control"}}
		return policy(refuse, write, statement{Sid: "CheckBucket", Effect: "Allow", Principal: principal,
			Action: []string{"s3:GetBucketAcl", "s3:ListBucket"}, Resource: []string{bucket},
			Condition: map[string]map[string]string{"StringEquals": ours}})
	default:
		return policy(refuse)
	}
}

func compacted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
