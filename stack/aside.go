package main

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// asideObjects are objects of the configuration. A stack with one of them is not a stack of the service.
var asideObjects = []string{"account", "artifacts"}

// loadAside reads the configuration of a stack beside the service: the object kind into into, and the few keys that all
// stacks have. It refuses all other keys. validate is called after the object is read.
func loadAside(ctx *pulumi.Context, given map[string]string, kind string, into any, validate func(*findings)) (config,
	error) {
	c := config{Name: given[ctx.Project()+":name"], Protect: given[ctx.Project()+":protect"] == "true",
		Region: given["aws:region"]}
	problems := findings(decodeStrict(kind, []byte(given[ctx.Project()+":"+kind]), into))
	accounts, err := accountIDs(ctx)
	if err != nil {
		problems = append(problems, err)
	}
	c.AccountIDs = accounts
	problems.require(namePattern.MatchString(c.Name) && len(c.Name) <= 40, "name",
		"must be lower-case letters, digits and single dashes, 40 at most, is %q", c.Name)
	problems.require(c.Region != "", "aws:region", "is not set")
	validate(&problems)
	for _, key := range append([]string{"apiKeys", "artifact"}, serviceObjects...) {
		problems.require(!isSet(given[ctx.Project()+":"+key]), key, "is not for the stack of the %s", kind)
	}
	if len(problems) > 0 {
		return config{}, fmt.Errorf("stack %s: %d problem(s) in its configuration:\n%w", ctx.Stack(), len(problems),
			errors.Join(problems...))
	}
	return c, nil
}
