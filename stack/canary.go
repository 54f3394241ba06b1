package main

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/secretsmanager"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// checkConfig chooses a canary: a function that posts an event to the stack's public address again and again, as a
// client does, and waits until it is processed. (processor.canary is another one: how a new version gets its events.)
type checkConfig struct {
	Enabled         bool `json:"enabled,omitempty"`
	EveryMinutes    int  `json:"everyMinutes,omitempty"`
	DeadlineSeconds int  `json:"deadlineSeconds,omitempty"` // within which its event must be processed
}

// defaultCheck is what a stack's file need not say of its canary.
func defaultCheck() checkConfig { return checkConfig{EveryMinutes: 1, DeadlineSeconds: 45} }

func (c checkConfig) validate(f *findings, edge edgeConfig) {
	f.require(c.EveryMinutes >= 1 && c.EveryMinutes <= 60, "canary.everyMinutes", "must be 1 to 60, is %d", c.EveryMinutes)
	f.require(c.DeadlineSeconds >= 1 && c.DeadlineSeconds <= 300, "canary.deadlineSeconds", "must be 1 to 300, is %d",
		c.DeadlineSeconds)
	f.require(!c.Enabled || !edge.Restricted(), "canary.enabled", "is true, and edge.allowedNetworks lets in some "+
		"networks alone: the canary comes from outside, as clients do, and from no address of its own")
}

// Canary is the function, what starts it, and its key. The zero value is none.
type Canary struct {
	pulumi.ResourceState

	KeyARN   pulumi.StringOutput // of the secret, "" where the API is open
	LogGroup pulumi.StringOutput

	child pulumi.ResourceOption
}

// noCanary is what the API needs of it where there is none.
func noCanary() *Canary { return &Canary{KeyARN: pulumi.String("").ToStringOutput()} }

type canaryArgs struct {
	Name      string
	Protect   bool
	Key       dataKey
	NeedsKey  bool
	Build     build
	URL       pulumi.StringInput // of the API
	Retention retentionConfig
	Standby   bool // nothing is there to be checked
	Service   pulumi.Resource
	checkConfig
}

// newCanary makes the secret of its key, which the API reads. It has no value here: the function makes one when it
// first runs, so that the key is in no state, and in nobody's hands.
func newCanary(ctx *pulumi.Context, name string, args canaryArgs, opts ...pulumi.ResourceOption) (*Canary, error) {
	c := noCanary()
	if err := register(ctx, "Canary", name, c, opts); err != nil {
		return nil, err
	}
	c.child = pulumi.Parent(c)
	if !args.NeedsKey {
		return c, nil
	}
	secret, err := secretsmanager.NewSecret(ctx, "canary-key", &secretsmanager.SecretArgs{
		Name:                 pulumi.String(args.Name + "/canary-key"),
		Description:          pulumi.String("The key of the canary, which makes it"),
		RecoveryWindowInDays: recoveryWindow(args.Protect), KmsKeyId: args.Key.ID(),
	}, c.child)
	if err != nil {
		return nil, fmt.Errorf("create secret of the canary's key: %w", err)
	}
	c.KeyARN = secret.Arn
	return c, nil
}

// canaryPolicy is what the canary does beside writing its log: read its key, which it makes where there is none.
func canaryPolicy(key string) document {
	if key == "" {
		return policy()
	}
	return policy(allow("OwnKey", []string{key}, "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"))
}

// run makes the function and what starts it.
func (c *Canary) run(ctx *pulumi.Context, args canaryArgs) error {
	variables := pulumi.StringMap{"CANARY_URL": args.URL,
		"CANARY_DEADLINE": pulumi.String(strconv.Itoa(args.DeadlineSeconds) + "s")}
	if args.NeedsKey {
		variables["CANARY_KEY_SECRET"] = c.KeyARN
	}
	function, logs, err := newSideFunction(ctx, sideFunction{
		Handler: canaryHandler, Stack: args.Name, Description: "Posts an event as a client, and waits for its outcome",
		Seconds:   args.DeadlineSeconds + 15, // to read its key, and to tell that the time was over
		Variables: variables, Policy: func(arns []string) document { return canaryPolicy(arns[0]) },
		ARNs: []pulumi.StringInput{c.KeyARN}, Key: args.Key, Build: args.Build, Retention: args.Retention,
		Needs: []pulumi.Resource{args.Service},
	}, c.child)
	if err != nil {
		return err
	}
	c.LogGroup = logs
	if err := c.schedule(ctx, args, function); err != nil {
		return err
	}
	return ctx.RegisterResourceOutputs(c, pulumi.Map{"function": function.Name})
}

// schedule starts the function. Each start is a check: Lambda must not repeat one later, which would tell of another
// time.
func (c *Canary) schedule(ctx *pulumi.Context, args canaryArgs, function *lambda.Function) error {
	if _, err := lambda.NewFunctionEventInvokeConfig(ctx, "canary", &lambda.FunctionEventInvokeConfigArgs{
		FunctionName: function.Name, MaximumRetryAttempts: pulumi.Int(0), MaximumEventAgeInSeconds: pulumi.Int(60),
	}, c.child); err != nil {
		return fmt.Errorf("bound the retries of the canary: %w", err)
	}
	state := "ENABLED"
	if args.Standby {
		state = "DISABLED"
	}
	rule, err := cloudwatch.NewEventRule(ctx, "canary", &cloudwatch.EventRuleArgs{
		Name: pulumi.String(canaryName(args.Name)), Description: pulumi.String("Starts the canary"),
		ScheduleExpression: pulumi.String(args.rate()), State: pulumi.String(state),
	}, c.child)
	if err != nil {
		return fmt.Errorf("create schedule of the canary: %w", err)
	}
	permission, err := lambda.NewPermission(ctx, "canary", &lambda.PermissionArgs{
		StatementId: pulumi.String("schedule"), Action: pulumi.String("lambda:InvokeFunction"), Function: function.Name,
		Principal: pulumi.String("events.amazonaws.com"), SourceArn: rule.Arn,
	}, c.child)
	if err != nil {
		return fmt.Errorf("let the schedule start the canary: %w", err)
	}
	if _, err := cloudwatch.NewEventTarget(ctx, "canary", &cloudwatch.EventTargetArgs{
		Rule: rule.Name, TargetId: pulumi.String("canary"), Arn: function.Arn,
	}, c.child, pulumi.DependsOn([]pulumi.Resource{permission})); err != nil {
		return fmt.Errorf("point the schedule at the canary: %w", err)
	}
	return nil
}

// rate is the schedule as EventBridge writes it, in which one minute has no s.
func (c checkConfig) rate() string {
	if c.EveryMinutes == 1 {
		return "rate(1 minute)"
	}
	return fmt.Sprintf("rate(%d minutes)", c.EveryMinutes)
}

func canaryMetric(c config, name, stat string) metric {
	return ownMetric(canaryName(c.Name), name, stat)
}

// canaryAlarms tell that events are not taken or not acted on, whatever the cause and whoever else posts.
func canaryAlarms(c config) []alarm {
	if !c.Canary.Enabled {
		return nil
	}
	period := 60 * c.Canary.EveryMinutes
	return []alarm{
		{Kind: "canary-failing", What: fmt.Sprintf("In three of five checks the canary's event was not done within %d s.",
			c.Canary.DeadlineSeconds), Metric: canaryMetric(c, "CanaryFailed", "Maximum"), Threshold: 0, Of: 3, In: 5,
			Period: period, MissingMeans: quietIsGood},
		{Kind: "canary-missing", What: "For five checks the canary has told nothing.",
			Metric: canaryMetric(c, "CanaryFailed", "SampleCount"), Below: true, Threshold: 1, Of: 5, In: 5, Period: period,
			MissingMeans: quietIsBad},
	}
}

// canaryRow is the dashboard's.
func (p *page) canaryRow(c config) {
	p.row("Is a client served, from its request to the outcome?",
		p.chart("Checks that failed", canaryMetric(c, "CanaryFailed", "Sum")),
		p.chart("Milliseconds until it is accepted", canaryMetric(c, "CanaryAccepted", "p50"),
			canaryMetric(c, "CanaryAccepted", "Maximum")),
		p.chart("Milliseconds from there until it is processed", canaryMetric(c, "CanaryProcessed", "p50"),
			canaryMetric(c, "CanaryProcessed", "Maximum")))
}
