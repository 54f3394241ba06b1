package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"event-processing-service/stack/review"
)

// artifactsConfig is set in the stack of the artifacts: what all other stacks deploy, and who may deploy it.
type artifactsConfig struct {
	Repository  string   `json:"repository"`  // OWNER/NAME on GitHub
	Stacks      []string `json:"stacks"`      // each has a GitHub environment of the same name
	StateBucket string   `json:"stateBucket"` // of `pulumi login`
	KeepImages  int      `json:"keepImages"`  // releases
	// LoadTested are those of Stacks that the nightly run measures: their roles may start the load (.ci/load-test).
	LoadTested []string `json:"loadTested,omitempty"`
	// SigningKey is the file of a public key in the repository. Where it is set, stack/verify demands signatures of
	// this key, and not of the workflow `release`.
	SigningKey string `json:"signingKey,omitempty"`
	// ReplicateTo is another region that gets a copy of each release, for a stack there; "" is none.
	ReplicateTo string `json:"replicateTo,omitempty"`
}

const (
	releasesPurpose = "releases" // end of the bucket's name
	githubIssuer    = "token.actions.githubusercontent.com"
	// buildEnvironment is the GitHub environment of the job that builds and publishes.
	buildEnvironment = "release"
)

var (
	repositoryPattern = regexp.MustCompile(`^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$`)
	stackPattern      = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	bucketPattern     = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{2,62}$`)
)

func (a artifactsConfig) validate(f *findings, region string) {
	f.require(repositoryPattern.MatchString(a.Repository), "artifacts.repository",
		"must be OWNER/NAME of the repository on GitHub, is %q", a.Repository)
	f.require(bucketPattern.MatchString(a.StateBucket), "artifacts.stateBucket", "must be a bucket's name, is %q",
		a.StateBucket)
	requireOther(f, "artifacts.replicateTo", a.ReplicateTo, region)
	f.require(a.KeepImages >= 10, "artifacts.keepImages", "must be 10 or more: what prod runs must not expire, is %d",
		a.KeepImages)
	f.require(a.SigningKey == "" || filepath.IsLocal(a.SigningKey), "artifacts.signingKey",
		"must be a file of the repository, is %q", a.SigningKey)
	f.require(len(a.Stacks) > 0, "artifacts.stacks", "is empty")
	for i, stack := range a.Stacks {
		f.require(stackPattern.MatchString(stack) && stack != buildEnvironment, "artifacts.stacks",
			"must be names of stacks, is %q", stack)
		f.require(!slices.Contains(a.Stacks[:i], stack), "artifacts.stacks", "lists %s twice", stack)
	}
	for _, stack := range a.LoadTested {
		f.require(slices.Contains(a.Stacks, stack), "artifacts.loadTested", "must be names among artifacts.stacks, is %q",
			stack)
	}
}

// Artifacts are the images and archives of every release, and a role for each environment of the pipeline.
type Artifacts struct {
	pulumi.ResourceState
}

// deployArtifacts registers the stack of the artifacts.
func (p *program) deployArtifacts(ctx *pulumi.Context) error {
	c, err := loadArtifacts(ctx, p.given)
	if err != nil {
		return err
	}
	// Each deployer has exactly the rights that its stack's resources need, computed before anything is registered.
	rights, graphs := map[string][]document{}, map[string]review.Graph{}
	for _, stack := range c.Artifacts.Stacks {
		g, err := review.Record(ctx.RootDirectory(), stack, offlineProgram(), &review.Recorder{})
		if err != nil {
			return fmt.Errorf("find rights to deploy %s: %w", stack, err)
		}
		d, uncovered := deployerPolicy(g, rightsOf(g))
		if len(uncovered) > 0 {
			return fmt.Errorf("find rights to deploy %s: no right is known for %q", stack, uncovered)
		}
		rights[stack], graphs[stack] = d.split(), g
	}
	cloud, err := newProvider(ctx, c, "aws", c.Region)
	if err != nil {
		return err
	}
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Provider(cloud))
	if err != nil {
		return fmt.Errorf("ask for account: %w", err)
	}
	a := &Artifacts{}
	if err := register(ctx, "Artifacts", "artifacts", a, []pulumi.ResourceOption{pulumi.Providers(cloud)}); err != nil {
		return err
	}
	others, err := newElsewhere(ctx, c)
	if err != nil {
		return err
	}
	return a.parts(ctx, c, identity.AccountId, rights, graphs, others)
}

// loadArtifacts reads the configuration of the stack of the artifacts, and refuses keys of other stacks.
func loadArtifacts(ctx *pulumi.Context, given map[string]string) (config, error) {
	artifacts := &artifactsConfig{}
	c, err := loadAside(ctx, given, "artifacts", artifacts, func(f *findings) {
		artifacts.validate(f, given["aws:region"])
		copied := bucketName(given[ctx.Project()+":name"], copiedReleases(artifacts.ReplicateTo), "123456789012")
		f.require(len(copied) <= 63, "name", "leaves no room for the bucket %s, which has %d characters", copied, len(copied))
	})
	c.Artifacts = artifacts
	return c, err
}

func (a *Artifacts) parts(ctx *pulumi.Context, c config, account string, rights map[string][]document,
	graphs map[string]review.Graph, others elsewhere) error {
	child := pulumi.Parent(a)
	repository, err := a.repository(ctx, "images", c, child)
	if err != nil {
		return err
	}
	bucket, versions, err := a.bucket(ctx, releasesPurpose, c, account, child)
	if err != nil {
		return err
	}
	if region := c.Artifacts.ReplicateTo; region != "" {
		if err := a.replicate(ctx, c, account, bucket, versions, others[region]); err != nil {
			return err
		}
	}
	github, err := iam.NewOpenIdConnectProvider(ctx, "github", &iam.OpenIdConnectProviderArgs{
		Url: pulumi.String("https://" + githubIssuer), ClientIdLists: pulumi.ToStringArray([]string{githubAudience}),
	}, child)
	if err != nil {
		return fmt.Errorf("trust GitHub's tokens: %w", err)
	}
	trust := func(environment string) pulumi.StringOutput {
		return policyOf(func(arns []string) document {
			return trustGitHub(arns[0], c.Artifacts.Repository, environment)
		}, github.Arn)
	}
	publisher := policyOf(func(arns []string) document { return publisherPolicy(arns[0], arns[1]) }, repository.Arn,
		bucket.Arn)
	if _, err := a.role(ctx, c, buildEnvironment, trust(buildEnvironment), publisher); err != nil {
		return err
	}
	for _, stack := range c.Artifacts.Stacks {
		key, err := a.key(ctx, c, stack, account)
		if err != nil {
			return err
		}
		policy := policyOf(func(arns []string) document {
			d := deliveryPolicy(stack, ctx.Project(), c.Artifacts.StateBucket, arns[0], arns[1])
			if slices.Contains(c.Artifacts.LoadTested, stack) {
				load := loadTestPolicy(graphs[stack], stack, c.Region, account, arns[0])
				d.Statement = append(d.Statement, load.Statement...)
			}
			return d
		}, bucket.Arn, key.Arn)
		role, err := a.role(ctx, c, stack, trust(stack), policy)
		if err != nil {
			return err
		}
		for i, part := range rights[stack] {
			name := fmt.Sprintf("deploy-%s-%d", stack, i)
			deploy, err := iam.NewPolicy(ctx, name, &iam.PolicyArgs{Name: pulumi.String(c.Name + "-" + name),
				Policy: pulumi.String(part.JSON())}, child)
			if err != nil {
				return fmt.Errorf("create policy %s: %w", name, err)
			}
			if _, err := iam.NewRolePolicyAttachment(ctx, name, &iam.RolePolicyAttachmentArgs{Role: role.Name,
				PolicyArn: deploy.Arn}, child); err != nil {
				return fmt.Errorf("attach policy %s: %w", name, err)
			}
		}
	}
	// Both names follow from the stack's name: artifactConfig derives the same from an image.
	ctx.Export("repository", pulumi.String(fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s", account, c.Region, c.Name)))
	ctx.Export("bucket", pulumi.String(artifactsBucket(c.Name, account)))
	return ctx.RegisterResourceOutputs(a, pulumi.Map{"repository": repository.RepositoryUrl})
}

// repository keeps the newest releases. Its rule counts only tags of releases: a signature that somebody adds is a
// manifest of its own, and would push a release out if it counted. ECR deletes it together with its image.
func (a *Artifacts) repository(ctx *pulumi.Context, name string, c config, child pulumi.ResourceOption) (
	*ecr.Repository, error,
) {
	repository, err := newRepository(ctx, name, c.Name, c.Protect, dataKey{}, child)
	if err != nil {
		return nil, err
	}
	rule := fmt.Sprintf(`{"rules":[{"rulePriority":1,"description":"Keep the newest %d releases",`+
		`"selection":{"tagStatus":"tagged","tagPatternList":["v*","src-*"],"countType":"imageCountMoreThan",`+
		`"countNumber":%d},"action":{"type":"expire"}}]}`, c.Artifacts.KeepImages, c.Artifacts.KeepImages)
	if _, err := ecr.NewLifecyclePolicy(ctx, name, &ecr.LifecyclePolicyArgs{Repository: repository.Name,
		Policy: pulumi.String(rule)}, child); err != nil {
		return nil, fmt.Errorf("set lifecycle of artifacts' repository: %w", err)
	}
	return repository, nil
}

// bucket keeps the functions' archives, and the notes of what served where.
func (a *Artifacts) bucket(ctx *pulumi.Context, purpose string, c config, account string, child pulumi.ResourceOption) (
	*s3.BucketV2, *s3.BucketVersioningV2, error,
) {
	bucket, _, err := newBucket(ctx, bucketArgs{Name: c.Name, Purpose: purpose, Protect: c.Protect,
		AccountID: pulumi.String(account)}, child)
	if err != nil {
		return nil, nil, err
	}
	// An object that somebody overwrites or deletes can be restored.
	versions, err := keepVersions(ctx, purpose, bucket, child)
	return bucket, versions, err
}

// key encrypts one stack's secrets: the deployers of other stacks can't read them.
func (a *Artifacts) key(ctx *pulumi.Context, c config, stack, account string) (*kms.Key, error) {
	child := pulumi.Parent(a)
	key, err := kms.NewKey(ctx, stack, &kms.KeyArgs{Description: pulumi.String("Secrets of the stack " + stack),
		EnableKeyRotation: pulumi.Bool(true), DeletionWindowInDays: pulumi.Int(30),
		Policy: pulumi.String(accountKeyPolicy(account).JSON())}, keep(c.Protect, child)...)
	if err != nil {
		return nil, fmt.Errorf("create key of %s: %w", stack, err)
	}
	if _, err := kms.NewAlias(ctx, stack, &kms.AliasArgs{Name: pulumi.String("alias/" + c.Name + "-" + stack),
		TargetKeyId: key.ID()}, child); err != nil {
		return nil, fmt.Errorf("create alias of key of %s: %w", stack, err)
	}
	return key, nil
}

func (a *Artifacts) role(ctx *pulumi.Context, c config, environment string, trust,
	rights pulumi.StringInput) (*iam.Role,
	error) {
	role, err := iam.NewRole(ctx, environment, &iam.RoleArgs{Name: pulumi.String(c.Name + "-" + environment),
		AssumeRolePolicy: trust, MaxSessionDuration: pulumi.Int(3600 * 2)}, pulumi.Parent(a))
	if err != nil {
		return nil, fmt.Errorf("create role of environment %s: %w", environment, err)
	}
	if _, err := iam.NewRolePolicy(ctx, environment, &iam.RolePolicyArgs{Name: pulumi.String("delivery"), Role: role.Name,
		Policy: rights}, pulumi.Parent(a)); err != nil {
		return nil, fmt.Errorf("create policy of environment %s: %w", environment, err)
	}
	ctx.Export("role-"+environment, role.Arn)
	return role, nil
}
