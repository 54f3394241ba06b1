// Command stack is the Pulumi program of the whole service: all of AWS for one stack. `pulumi up` runs it; run by
// hand it shows, offline, what would be deployed.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"event-processing-service/stack/review"
)

const usage = `This is a Pulumi program: deploy it with "pulumi up --stack dev". By hand, from the repository's root:

  go run ./stack plan STACK                print its resources, and what is wrong with them; offline
  go run ./stack plan STACK --cost [--events N]
                                           print what it costs a month, idle and at N events a second; offline
  go run ./stack policy STACK              print the IAM policies that whoever deploys it needs; offline
  go run ./stack export STACK              print its resources with all values as JSON, for other tools; offline
  go run ./stack diagram                   write docs/infrastructure-diagram.md; offline
  go run ./stack retention                 write docs/retention.md; offline
  go run ./stack function FILE             build the archive of the function
  go run ./stack rolled-out STACK          wait until what was deployed serves; fail where it was rolled back
  go run ./stack deliver STACK FILE [TIME] deploy the artifact that FILE names, watch it for TIME (15m), and go back
                                           where it does not serve
  go run ./stack rollback STACK [VERSION]  go back to an artifact that served there, by default the one before
  go run ./stack doctor STACK              print what is wrong with what is deployed; 0: nothing, 1: something,
                                           2: nothing, and something could not be asked

STACK is dev, staging, prod, recovery, artifacts or account.
`

func main() {
	args := os.Args[1:]
	if len(args) == 0 && os.Getenv("PULUMI_MONITOR") != "" {
		p := realProgram(os.Getenv("IMAGE_TAG"))
		pulumi.Run(p.Deploy, p.Inputs)
		return
	}
	os.Exit(run(args, os.Stdout))
}

// run runs a sub-command, outside of the engine.
func run(args []string, out io.Writer) int {
	ctx := context.Background()
	var err error
	switch command := append(args, "", "", "", "")[:4]; {
	case len(args) >= 3 && command[0] == "plan" && command[2] == "--cost":
		err = bill(out, ".", command[1], args[3:])
	case len(args) == 2 && command[0] == "plan":
		err = plan(out, ".", command[1])
	case len(args) == 2 && command[0] == "policy":
		err = writeDeployerPolicy(out, ".", command[1])
	case len(args) == 2 && command[0] == "export":
		err = exportStack(out, ".", command[1])
	case len(args) == 1 && command[0] == "diagram":
		err = review.WriteDiagram(".", offlineProgram())
	case len(args) == 1 && command[0] == "retention":
		err = review.WriteRetention(".", offlineProgram())
	case len(args) == 2 && command[0] == "function":
		err = buildFunction(".", processorPackage, command[1])
	case len(args) == 2 && command[0] == "rolled-out":
		err = rolledOut(ctx, command[1], true)
	case (len(args) == 3 || len(args) == 4) && command[0] == "deliver":
		err = deliverArtifact(ctx, out, command[1], command[2], command[3])
	case (len(args) == 2 || len(args) == 3) && command[0] == "rollback":
		err = rollBack(ctx, out, command[1], command[2])
	case len(args) == 2 && command[0] == "doctor":
		return examine(ctx, out, ".", command[1])
	default:
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// plan prints what a stack is made of and what is wrong with it, without an account, a plugin, Docker or a network.
func plan(w io.Writer, root, stack string) error {
	g, err := review.Record(root, stack, offlineProgram(), &review.Recorder{})
	if err != nil {
		return err
	}
	return review.WritePlan(w, g)
}
