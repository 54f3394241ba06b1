package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// register makes c a component of the stack under which its children gather. Its type and name are in the URN of
// each child: to rename one replaces all of them, unless aliases say otherwise.
func register(ctx *pulumi.Context, kind, name string, c pulumi.ComponentResource, opts []pulumi.ResourceOption) error {
	token := ctx.Project() + ":stack:" + kind
	if err := ctx.RegisterComponentResource(token, name, c, opts...); err != nil {
		return fmt.Errorf("register component %s: %w", name, err)
	}
	return nil
}

// nameTag names what AWS knows only by an id.
func nameTag(parts ...any) pulumi.StringMap {
	name := fmt.Sprint(parts[0])
	for _, part := range parts[1:] {
		name += fmt.Sprint("-", part)
	}
	return pulumi.StringMap{"Name": pulumi.String(name)}
}

// keep are the options of what holds data: while the stack is protected the engine refuses to delete or replace it, and
// where somebody talked the engine out of that, it only forgets it.
func keep(protect bool, opts ...pulumi.ResourceOption) []pulumi.ResourceOption {
	return append(opts, pulumi.Protect(protect), pulumi.RetainOnDelete(protect))
}
