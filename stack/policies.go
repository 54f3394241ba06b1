package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// document is an IAM policy. The functions of this file make them from plain ARNs, so that a test can read them.
type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
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

// JSON is the same text for the same document, so that an unchanged policy is no change.
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

// kafkaARN is the ARN of a topic or a group of a cluster; MSK derives them from the cluster's.
func kafkaARN(clusterARN, kind, name string) string {
	return strings.Replace(clusterARN, ":cluster/", ":"+kind+"/", 1) + "/" + name
}

// produce is what an idempotent producer needs of MSK: WriteDataIdempotently is a right on the cluster, and without it
// a producer with rights on some topics only may be refused its producer id.
func produce(cluster, topic string) []statement {
	return []statement{
		allow("Producer", []string{cluster}, "kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:WriteDataIdempotently"),
		allow("Produce", []string{kafkaARN(cluster, "topic", topic)}, "kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"),
	}
}

// apiPolicy is what the API does: publish events, and look up what became of one. The collector beside it sends traces.
func apiPolicy(cluster, topic, table string, traced bool) document {
	statements := append(produce(cluster, topic), allow("ReadOutcome", []string{table}, "dynamodb:GetItem"))
	return policy(append(statements, sendTraces(traced, "xray:PutTraceSegments")...)...)
}

// operatorPolicy is what eventctl does: read events and dead letters, write both back to where they came from, and see how
// far the processor is.
func operatorPolicy(cluster, topic, deadLetters, processorGroup string) document {
	return policy(append(produce(cluster, topic),
		allow("ReadTopics", []string{kafkaARN(cluster, "topic", topic), kafkaARN(cluster, "topic", deadLetters)}, "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"),
		allow("OwnGroups", []string{kafkaARN(cluster, "group", "eventctl-*")}, "kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"),
		allow("SeeProcessor", []string{kafkaARN(cluster, "group", processorGroup)}, "kafka-cluster:DescribeGroup"),
	)...)
}

// processorARNs are what the processor and its mapping, which polls with the function's role, reach.
type processorARNs struct {
	Cluster, Topic, DeadLetters, Group string
	Table, LogGroup                    string
	Undelivered                        string // bucket; empty without one
	Traced                             bool
}

// processorPolicy is for the function and for the pollers. AWS's own AWSLambdaMSKExecutionRole is not used: it has
// no kafka-cluster right at all, and its log rights are on everything.
func processorPolicy(a processorARNs) document {
	statements := append(produce(a.Cluster, a.DeadLetters),
		allow("Pollers", []string{a.Cluster}, "kafka-cluster:DescribeClusterDynamicConfiguration", "kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"),
		allow("Consume", []string{kafkaARN(a.Cluster, "topic", a.Topic)}, "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"),
		// A function that takes over from one that died looks whether its dead letter is there already.
		allow("FindDeadLetters", []string{kafkaARN(a.Cluster, "topic", a.DeadLetters)}, "kafka-cluster:ReadData"),
		allow("ConsumerGroup", []string{kafkaARN(a.Cluster, "group", a.Group)}, "kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"),
		allow("RememberOutcome", []string{a.Table}, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
		allow("WriteLogs", []string{a.LogGroup + ":*"}, "logs:CreateLogStream", "logs:PutLogEvents"),
		// These act on no resource that has an ARN beforehand.
		allow("NetworkInterfaces", []string{"*"}, "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
			"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
	)
	// Lambda's own daemon sends them, and how it is.
	statements = append(statements, sendTraces(a.Traced, "xray:PutTelemetryRecords", "xray:PutTraceSegments")...)
	if a.Undelivered != "" {
		statements = append(statements,
			allow("KeepUndelivered", []string{a.Undelivered + "/*"}, "s3:PutObject"),
			allow("FindUndelivered", []string{a.Undelivered}, "s3:ListBucket"))
	}
	return policy(statements...)
}

// executionPolicy is what ECS itself does before a task starts: pull the image, read the secret, open the log stream.
// secret is empty where there are no API keys.
func executionPolicy(repository, logGroup, secret string) document {
	statements := []statement{
		// A token is for the whole registry; AWS knows no narrower resource.
		allow("RegistryToken", []string{"*"}, "ecr:GetAuthorizationToken"),
		allow("PullImage", []string{repository}, "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
		allow("WriteLogs", []string{logGroup + ":*"}, "logs:CreateLogStream", "logs:PutLogEvents"),
	}
	if secret != "" {
		statements = append(statements, allow("ReadAPIKeys", []string{secret}, "secretsmanager:GetSecretValue"))
	}
	return policy(statements...)
}

// keyPolicy gives the key to the account, whose IAM policies decide further, and to CloudWatch, which could not
// publish alarms to an encrypted topic otherwise. In a key's policy "*" means this key.
func keyPolicy(account string) document {
	return policy(
		// AWS's own default. Without it nobody could ever change or delete the key.
		statement{Sid: "Account", Effect: "Allow", Principal: map[string]string{"AWS": "arn:aws:iam::" + account + ":root"}, Action: []string{"kms:*"}, Resource: []string{"*"}},
		statement{Sid: "Alarms", Effect: "Allow", Principal: map[string]string{"Service": "cloudwatch.amazonaws.com"}, Action: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resource: []string{"*"}},
	)
}

// bucketPolicy refuses plain HTTP, and lets a log service write where one is named.
func bucketPolicy(bucket, writer, account string) document {
	refuse := statement{Sid: "TLSOnly", Effect: "Deny", Principal: map[string]string{"AWS": "*"}, Action: []string{"s3:*"}, Resource: []string{bucket, bucket + "/*"},
		Condition: map[string]map[string]string{"Bool": {"aws:SecureTransport": "false"}}}
	if writer == "" {
		return policy(refuse)
	}
	return policy(refuse, statement{Sid: "WriteLogs", Effect: "Allow", Principal: map[string]string{"Service": writer},
		Action: []string{"s3:PutObject"}, Resource: []string{bucket + "/AWSLogs/" + account + "/*"}})
}
