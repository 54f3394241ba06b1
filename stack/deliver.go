package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"event-processing-service/stack/delivery"
	"event-processing-service/stack/rollout"
)

// serviceTimeout is short: `pulumi up` has waited before, so a service that is not steady by now has a problem.
const serviceTimeout = 10 * time.Minute

// rolledOut waits until the version that was deployed last serves. It asks the engine for the stack's outputs, and AWS
// for their state. gradually says whether to use the canary of the stack's file.
func rolledOut(ctx context.Context, stack string, gradually bool) error {
	wanted, cloud, err := deployedIn(ctx, stack)
	if err != nil {
		return err
	}
	service, cancel := context.WithTimeout(ctx, serviceTimeout)
	defer cancel()
	check := rollout.Check{ECS: ecs.NewFromConfig(cloud), HTTP: &http.Client{Timeout: 10 * time.Second},
		Pause: 5 * time.Second}
	if err := check.Wait(service, wanted); err != nil {
		return err
	}
	canary := rollout.Canary{Lambda: lambda.NewFromConfig(cloud), Alarms: cloudwatch.NewFromConfig(cloud),
		Pause: 15 * time.Second}
	for _, f := range wanted.Functions() {
		if !gradually {
			f.Canary = rollout.Shares{}
		}
		if err := canary.Move(ctx, f.Name, f.Version, f.Canary, f.Alarms); err != nil {
			return err
		}
	}
	return nil
}

// deployedIn returns what a stack was last deployed with, by its outputs, and AWS's configuration for its region.
func deployedIn(ctx context.Context, stack string) (w rollout.Wanted, cloud aws.Config, err error) {
	if err = outputsOf(ctx, stack, &w); err != nil {
		return w, cloud, err
	}
	if err = w.Validate(); err != nil {
		return w, cloud, err
	}
	cloud, err = cloudOf(ctx, stack)
	return w, cloud, err
}

// outputsOf asks the engine for a stack's outputs.
func outputsOf(ctx context.Context, stack string, outputs any) error {
	text, err := exec.CommandContext(ctx, "pulumi", "stack", "output", "--json", "--stack", stack).Output()
	if err != nil {
		return fmt.Errorf("ask for outputs of stack %s: %w", stack, err)
	}
	if err := json.Unmarshal(text, outputs); err != nil {
		return fmt.Errorf("read outputs of stack %s: %w", stack, err)
	}
	return nil
}

// soak watches every alarm that counts against a version, and sends an event a minute through the stack.
func soak(ctx context.Context, stack string, period time.Duration, try func(context.Context, string) error) error {
	wanted, cloud, err := deployedIn(ctx, stack)
	if err != nil {
		return err
	}
	s := rollout.Soak{Alarms: cloudwatch.NewFromConfig(cloud), Pause: min(time.Minute, period),
		Try: func(ctx context.Context) error { return try(ctx, stack) }}
	return s.For(ctx, period, wanted.AllAlarms())
}

// cloudOf is AWS's configuration for a stack's region, with the credentials of the environment.
func cloudOf(ctx context.Context, stack string) (aws.Config, error) {
	region, err := exec.CommandContext(ctx, "pulumi", "config", "get", "--stack", stack, "aws:region").Output()
	if err != nil {
		return aws.Config{}, fmt.Errorf("ask for region of stack %s: %w", stack, err)
	}
	return cloudIn(ctx, strings.TrimSpace(string(region)))
}

func cloudIn(ctx context.Context, region string) (aws.Config, error) {
	cloud, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(region))
	if err != nil {
		return aws.Config{}, fmt.Errorf("find AWS credentials: %w", err)
	}
	return cloud, nil
}

// deliverArtifact deploys an artifact to a stack, and then watches it for a period such as 15m; "" is no period. file
// is what stack/publish wrote.
func deliverArtifact(ctx context.Context, out io.Writer, stack, file, period string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read artifact: %w", err)
	}
	var a delivery.Artifact
	if err := json.Unmarshal(text, &a); err != nil {
		return fmt.Errorf("read artifact %s: %w", file, err)
	}
	d, err := newDelivery(ctx, out, a)
	if err != nil {
		return err
	}
	d.Verify = func(ctx context.Context, _ delivery.Artifact) error {
		return script(ctx, out, "verify who signed "+a.Version, "stack/verify", file)
	}
	if period != "" {
		watched, err := time.ParseDuration(period)
		if err != nil {
			return fmt.Errorf("the time to watch is not like 15m: %w", err)
		}
		d.Soak = func(ctx context.Context, stack string) error { return soak(ctx, stack, watched, d.Smoke) }
	}
	return d.Deliver(ctx, stack, a)
}

// rollBack deploys an earlier artifact of a stack again; version "" is the artifact before the current one.
func rollBack(ctx context.Context, out io.Writer, stack, version string) error {
	running, err := delivery.Pulumi{Root: "."}.Running(ctx, stack)
	if err != nil {
		return err
	}
	if running == nil {
		return fmt.Errorf("stack %s runs no artifact: check out the commit to go back to and run pulumi up", stack)
	}
	d, err := newDelivery(ctx, out, *running)
	if err != nil {
		return err
	}
	return d.Rollback(ctx, stack, version)
}

func newDelivery(ctx context.Context, out io.Writer, a delivery.Artifact) (delivery.Delivery, error) {
	records, err := recordsOf(ctx, a)
	return delivery.Delivery{Engine: delivery.Pulumi{Root: ".", Out: out}, Records: records, RollOut: rolledOut,
		Smoke: func(ctx context.Context, stack string) error {
			return script(ctx, out, "send an event through "+stack, "stack/smoke", stack)
		}, Out: out}, err
}

// script runs one of the scripts beside this program.
func script(ctx context.Context, out io.Writer, purpose, name, argument string) error {
	cmd := exec.CommandContext(ctx, name, argument)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", purpose, err)
	}
	return nil
}

// recordsOf are the records in an artifact's bucket of where it served.
func recordsOf(ctx context.Context, a delivery.Artifact) (delivery.Records, error) {
	parts := ecrImagePattern.FindStringSubmatch(a.Image)
	if parts == nil {
		return delivery.Records{}, fmt.Errorf("artifact %s: %q does not name an image by its digest", a.Version, a.Image)
	}
	cloud, err := cloudIn(ctx, parts[2])
	if err != nil {
		return delivery.Records{}, err
	}
	return delivery.Records{S3: s3.NewFromConfig(cloud), Bucket: artifactsBucket(parts[3], parts[1])}, nil
}

// served returns an error unless an artifact has served in staging.
func served(a artifactConfig) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	build := delivery.Artifact{Version: a.Version, Image: a.Image,
		Function: delivery.Function{Key: a.Function.Key, SHA256: a.Function.SHA256}}
	records, err := recordsOf(ctx, build)
	if err != nil {
		return err
	}
	records.Bucket = a.bucket()
	return records.RequireServed(ctx, testedIn, build)
}
