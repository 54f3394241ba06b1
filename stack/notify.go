package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/chatbot"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// slackConfig is a Slack channel for alarms. Somebody must have authorized the workspace once by hand, in the console
// of Amazon Q Developer in chat applications (formerly AWS Chatbot): Slack asks a person.
type slackConfig struct {
	Workspace string `json:"workspace"` // its id, like T07EA123LEP
	Channel   string `json:"channel"`   // its id, like C07EZ1ABC23
}

var (
	workspacePattern = regexp.MustCompile(`^T[A-Z0-9]{8,14}$`)
	channelPattern   = regexp.MustCompile(`^[CG][A-Z0-9]{8,14}$`)
)

// chatGuardrail bounds what may be done from the channel, whatever rights the role has: AWS's default allows
// everything.
const chatGuardrail = "arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess"

func (c slackConfig) validate(f *findings) {
	f.require(workspacePattern.MatchString(c.Workspace), "alarms.slack.workspace",
		"must be a workspace's id, like T07EA123LEP, is %q", c.Workspace)
	f.require(channelPattern.MatchString(c.Channel), "alarms.slack.channel",
		"must be a channel's id, like C07EZ1ABC23, is %q", c.Channel)
}

func validateWebhook(f *findings, address string) {
	u, err := url.Parse(address)
	ok := err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && !strings.ContainsAny(address, " \t\n")
	f.require(address == "" || ok, "alarms.webhook", "must be an https address without a password, is %q", address)
}

// subscribe subscribes mail, webhook and chat to the alarms. Mail and webhooks must confirm their subscription.
func (o *Observability) subscribe(ctx *pulumi.Context, c config, account pulumi.StringInput) error {
	for _, to := range []struct{ name, protocol, endpoint string }{
		{"email", "email", c.Alarms.Email}, {"webhook", "https", c.Alarms.Webhook},
	} {
		if to.endpoint == "" {
			continue
		}
		if _, err := sns.NewTopicSubscription(ctx, to.name, &sns.TopicSubscriptionArgs{
			Topic: o.AlarmTopicARN, Protocol: pulumi.String(to.protocol), Endpoint: pulumi.String(to.endpoint),
		}, o.child); err != nil {
			return fmt.Errorf("subscribe %s to alarms: %w", to.name, err)
		}
	}
	if c.Alarms.Slack == nil {
		return nil
	}
	chat, err := newRole(ctx, "chat", c.Name+"-chat", "chatbot.amazonaws.com",
		policyOf(func(v []string) document { return chatPolicy(c.Region, v[0], c.Name) }, account), o.child)
	if err != nil {
		return err
	}
	if _, err := chatbot.NewSlackChannelConfiguration(ctx, "alarms", &chatbot.SlackChannelConfigurationArgs{
		ConfigurationName: pulumi.String(c.Name + "-alarms"), IamRoleArn: chat.ARN,
		SlackTeamId: pulumi.String(c.Alarms.Slack.Workspace), SlackChannelId: pulumi.String(c.Alarms.Slack.Channel),
		SnsTopicArns:        pulumi.StringArray{o.AlarmTopicARN},
		GuardrailPolicyArns: pulumi.StringArray{pulumi.String(chatGuardrail)},
		LoggingLevel:        pulumi.String("ERROR"),
	}, o.child, pulumi.DependsOn([]pulumi.Resource{chat.Policy})); err != nil {
		return fmt.Errorf("create Slack channel configuration: %w", err)
	}
	return nil
}

// chatPolicy only lets the channel show the stack's alarms.
func chatPolicy(region, account, name string) document {
	return policy(allow("ShowAlarms", []string{fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:%s-*", region, account, name)},
		"cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory"))
}
