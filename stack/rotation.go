package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/secretsmanager"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// keysConfig is what becomes of the clients' keys.
type keysConfig struct {
	Rotation *rotationConfig `json:"rotation,omitempty"` // nil: keys change by hand
}

// rotationConfig chooses clients that read their key from a secret of their own, which gets another one now and then.
type rotationConfig struct {
	Clients      map[string]string `json:"clients"` // ARNs of their secrets, by the clients' names
	EveryDays    int               `json:"everyDays"`
	OverlapHours int               `json:"overlapHours"` // for which the key before goes on to work
}

func (c keysConfig) validate(f *findings, all config) {
	r := c.Rotation
	if r == nil {
		return
	}
	const key = "keys.rotation"
	f.require(all.needsKey(), key, "is set, and the API asks nobody for a key")
	f.require(!all.Edge.Restricted(), key, "is set, and edge.allowedNetworks lets in some networks alone: whether the "+
		"API knows a new key is asked from outside")
	f.require(len(r.Clients) > 0, key+".clients", "is empty")
	owners := map[string]string{}
	for _, client := range slices.Sorted(maps.Keys(r.Clients)) {
		secret := r.Clients[client]
		parts := secretARN.FindStringSubmatch(secret)
		f.require(parts != nil, key+".clients."+client, "must be like arn:aws:secretsmanager:REGION:ACCOUNT:secret:"+
			"NAME-abc123, with the six characters at its end, is %q", secret)
		f.require(parts == nil || parts[1] == all.Region, key+".clients."+client, "is not in the stack's region, %s",
			all.Region)
		f.require(owners[secret] == "", key+".clients."+client, "has the secret of %s", owners[secret])
		owners[secret] = client
	}
	f.require(r.EveryDays >= 1 && r.EveryDays <= 365, key+".everyDays", "must be 1 to 365, is %d", r.EveryDays)
	f.require(r.OverlapHours >= 1 && r.OverlapHours < 24*r.EveryDays, key+".overlapHours",
		"must be 1 or more, and less than %s.everyDays (%d h), is %d", key, 24*r.EveryDays, r.OverlapHours)
}

// rotates reports whether a stack has the function: while it stands by no task would learn of a new key.
func (c config) rotates() bool { return c.Keys.Rotation != nil && !c.Standby }

type rotationArgs struct {
	Name      string
	Key       dataKey
	Build     build
	URL       pulumi.StringInput // of the API
	KeysARN   pulumi.StringInput // of the secret with the API's keys
	AccountID pulumi.StringInput
	Retention retentionConfig
	Service   pulumi.Resource
	rotationConfig
}

// rotationPolicy is what the function does: store the hash of a new key among the API's, and the key with its client.
func rotationPolicy(keys string, clients []string) document {
	change := []string{"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue",
		"secretsmanager:UpdateSecretVersionStage"}
	return policy(allow("KeysOfTheAPI", []string{keys}, change...),
		allow("KeysOfClients", clients, append([]string{"secretsmanager:DescribeSecret"}, change...)...))
}

// Rotation is the function that Secrets Manager calls.
type Rotation struct {
	pulumi.ResourceState

	LogGroup pulumi.StringOutput
}

func newRotation(ctx *pulumi.Context, name string, args rotationArgs, opts ...pulumi.ResourceOption) (
	*Rotation, error,
) {
	r := &Rotation{}
	if err := register(ctx, "Rotation", name, r, opts); err != nil {
		return nil, err
	}
	child := pulumi.Parent(r)
	clients, err := json.Marshal(args.Clients)
	if err != nil {
		return nil, fmt.Errorf("write the clients: %w", err)
	}
	secrets := slices.Sorted(maps.Values(args.Clients))
	function, logs, err := newSideFunction(ctx, sideFunction{
		Handler: rotationHandler, Stack: args.Name, Description: "Gives clients of the API new keys",
		Seconds: 300, // most of it until each task has read its keys again
		Variables: pulumi.StringMap{"ROTATION_CLIENTS": pulumi.String(clients), "ROTATION_KEYS_SECRET": args.KeysARN,
			"ROTATION_URL": args.URL, "ROTATION_OVERLAP": pulumi.String(strconv.Itoa(args.OverlapHours) + "h")},
		Policy: func(arns []string) document { return rotationPolicy(arns[0], secrets) },
		ARNs:   []pulumi.StringInput{args.KeysARN}, Key: args.Key, Build: args.Build, Retention: args.Retention,
		Needs: []pulumi.Resource{args.Service},
	}, child)
	if err != nil {
		return nil, err
	}
	r.LogGroup = logs
	permission, err := lambda.NewPermission(ctx, "rotation", &lambda.PermissionArgs{
		StatementId: pulumi.String("rotation"), Action: pulumi.String("lambda:InvokeFunction"), Function: function.Name,
		Principal: pulumi.String("secretsmanager.amazonaws.com"), SourceAccount: args.AccountID,
	}, child)
	if err != nil {
		return nil, fmt.Errorf("let Secrets Manager start the rotation: %w", err)
	}
	for _, client := range slices.Sorted(maps.Keys(args.Clients)) {
		if _, err := secretsmanager.NewSecretRotation(ctx, client, &secretsmanager.SecretRotationArgs{
			SecretId: pulumi.String(args.Clients[client]), RotationLambdaArn: function.Arn,
			RotationRules: &secretsmanager.SecretRotationRotationRulesArgs{
				AutomaticallyAfterDays: pulumi.Int(args.EveryDays)},
		}, child, pulumi.DependsOn([]pulumi.Resource{permission})); err != nil {
			return nil, fmt.Errorf("rotate the key of %s: %w", client, err)
		}
	}
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{"function": function.Name})
}

func rotationAlarms(c config) []alarm {
	if !c.rotates() {
		return nil
	}
	return []alarm{{Kind: "rotation-failing", What: "A client's key can't be rotated; the one that it has works on.",
		Metric: functionMetric(rotationName(c.Name), "Errors", "Sum"), Threshold: 0, Of: 1, In: 1,
		MissingMeans: quietIsGood}}
}
