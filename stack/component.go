package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// register makes c a component of the stack, the parent of its children. The URN of each child has the component's type
// and name: renaming a component replaces all children, unless aliases say otherwise.
func register(ctx *pulumi.Context, kind, name string, c pulumi.ComponentResource, opts []pulumi.ResourceOption) error {
	token := ctx.Project() + ":stack:" + kind
	if err := ctx.RegisterComponentResource(token, name, c, opts...); err != nil {
		return fmt.Errorf("register component %s: %w", name, err)
	}
	return nil
}

// nameTag names resources that AWS knows only by an id.
func nameTag(parts ...any) pulumi.StringMap {
	name := fmt.Sprint(parts[0])
	for _, part := range parts[1:] {
		name += fmt.Sprint("-", part)
	}
	return pulumi.StringMap{"Name": pulumi.String(name)}
}

// keep are the options of resources that hold data. While the stack is protected, the engine refuses to delete or
// replace them. Where somebody removes that protection, the engine drops them from its state and leaves them in AWS.
func keep(protect bool, opts ...pulumi.ResourceOption) []pulumi.ResourceOption {
	return append(opts, pulumi.Protect(protect), pulumi.RetainOnDelete(protect))
}
