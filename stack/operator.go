package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// operatorConfig is what the operator's task may do beyond its work on topics.
type operatorConfig struct {
	// Console lets `just console` reach a page in the task through Systems Manager. That opens no port: IAM decides who
	// may start a session with a task of the cluster. The task may then read the events table, too.
	Console bool `json:"console,omitempty"`
}

// operatorRights is the policy of the operator's task.
func operatorRights(args serviceArgs) pulumi.StringOutput {
	arns := []pulumi.StringInput{args.Kafka.ClusterARN, args.Archive.BucketARN, args.Key.ARN()}
	shows, forgets := args.Settings.Operator.Console, args.Settings.Privacy != nil
	if shows || forgets {
		arns = append(arns, args.Store.TableARN, args.Privacy.TableARN)
	}
	arns = append(arns, args.Archive.Key)
	return policyOf(func(arns []string) document {
		var letters, groups []string
		for _, p := range args.Processors {
			letters, groups = append(letters, p.deadLetters(args.Topics)), append(groups, p.group(args.Name))
		}
		rights := operatorPolicy(arns[0], arns[1], args.Topics.eventTopics(), letters, groups)
		if shows {
			rights.Statement = append(rights.Statement, showConsole(arns[3])...)
		}
		if forgets {
			rights = rights.withForgetting(arns[4], arns[3])
		}
		return rights.withCopies(arns[len(arns)-1], args.Settings.Region).withKey(arns[2])
	}, arns...)
}

// showConsole is what the page takes beyond the topics: outcomes, and the agent's channels, which know no names.
func showConsole(table string) []statement {
	return []statement{
		allow("ReadOutcome", []string{table}, "dynamodb:GetItem"),
		allow("Sessions", []string{"*"}, sessionChannels...),
	}
}

// sessionChannels are what the agent of Systems Manager does.
var sessionChannels = []string{"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
	"ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"}
