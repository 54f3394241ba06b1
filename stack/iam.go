package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// role is an IAM role with one inline policy. Resources that use the role depend on Policy, too: otherwise AWS could
// start a task or a poller whose role has no rights yet.
type role struct {
	ARN    pulumi.StringOutput
	Policy pulumi.Resource
}

// newRole makes a role for one AWS service. physical is its name in AWS, policyJSON what it may do.
func newRole(ctx *pulumi.Context, name, physical, service string, policyJSON pulumi.StringInput,
	opts ...pulumi.ResourceOption) (role, error) {
	r, err := iam.NewRole(ctx, name, &iam.RoleArgs{
		Name:             pulumi.String(physical),
		AssumeRolePolicy: pulumi.String(assumeRole(service).JSON()),
	}, opts...)
	if err != nil {
		return role{}, fmt.Errorf("create role %s: %w", name, err)
	}
	inline, err := iam.NewRolePolicy(ctx, name, &iam.RolePolicyArgs{
		Name: pulumi.String(name), Role: r.Name, Policy: policyJSON,
	}, opts...)
	if err != nil {
		return role{}, fmt.Errorf("create policy of role %s: %w", name, err)
	}
	return role{ARN: r.Arn, Policy: inline}, nil
}

// policyOf writes a policy's text with ARNs that only a deployment knows.
func policyOf(write func(arns []string) document, arns ...pulumi.StringInput) pulumi.StringOutput {
	return pulumi.StringArray(arns).ToStringArrayOutput().ApplyT(func(known []string) string {
		return write(known).JSON()
	}).(pulumi.StringOutput)
}
