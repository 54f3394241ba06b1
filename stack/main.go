// Command stack is the Pulumi program of the whole service: all of AWS for one stack. `pulumi up` runs it; run by
// hand it shows, offline, what would be deployed.
package main

import (
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const usage = `This is a Pulumi program: deploy it with "pulumi up --stack dev". By hand, from the repository's root and offline:

  go run ./stack plan STACK   print the resources of a stack (dev, prod), and what is wrong with them
  go run ./stack diagram      write docs/infrastructure-diagram.md
`

func main() {
	switch args := os.Args[1:]; {
	case len(args) == 2 && args[0] == "plan":
		os.Exit(report(plan(os.Stdout, ".", args[1])))
	case len(args) == 1 && args[0] == "diagram":
		os.Exit(report(writeDiagram(".")))
	case len(args) == 0 && os.Getenv("PULUMI_MONITOR") != "":
		p := realProgram(os.Getenv("IMAGE_TAG"))
		pulumi.Run(p.deploy, p.inputs)
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
}

func report(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
