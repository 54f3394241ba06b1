package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const keptImages = 30 // a roll-back to one of these needs no build

// Image is the API's image and the repository it is in.
type Image struct {
	pulumi.ResourceState

	RepositoryURL pulumi.StringOutput
	RepositoryARN pulumi.StringOutput
	Digest        pulumi.StringOutput // repository@sha256:…, what tasks run
}

type imageArgs struct {
	Name    string
	Protect bool
	Key     dataKey
	build
}

func newImage(ctx *pulumi.Context, name string, args imageArgs, opts ...pulumi.ResourceOption) (*Image, error) {
	i := &Image{}
	if err := register(ctx, "Image", name, i, opts); err != nil {
		return nil, err
	}
	if a := args.Artifact; a != nil {
		i.RepositoryURL = pulumi.String(a.repositoryURL()).ToStringOutput()
		i.RepositoryARN = pulumi.String(a.repositoryARN()).ToStringOutput()
		i.Digest = pulumi.String(a.Image).ToStringOutput()
		return i, ctx.RegisterResourceOutputs(i, pulumi.Map{"digest": i.Digest})
	}
	child := pulumi.Parent(i)
	repository, err := newRepository(ctx, "api", args.Name, args.Protect, args.Key, child)
	if err != nil {
		return nil, err
	}
	if _, err := ecr.NewLifecyclePolicy(ctx, "api", &ecr.LifecyclePolicyArgs{
		Repository: repository.Name,
		Policy: pulumi.String(fmt.Sprintf(`{"rules":[{"rulePriority":1,"description":"Keep the newest %d images",`+
			`"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":%d},"action":{"type":"expire"}}]}`,
			keptImages, keptImages)),
	}, child); err != nil {
		return nil, fmt.Errorf("set lifecycle of image repository: %w", err)
	}

	// Only a data source has a password for the registry. It is another one each time, and the provider ignores it when
	// it compares images.
	token := ecr.GetAuthorizationTokenOutput(ctx, ecr.GetAuthorizationTokenOutputArgs{}, child)
	image, err := docker.NewImage(ctx, "api", &docker.ImageArgs{
		ImageName: pulumi.Sprintf("%s:%s", repository.RepositoryUrl, args.Version),
		Build: &docker.DockerBuildArgs{
			// Relative to stack/, where the engine runs: an absolute path would be a change on every other machine.
			Context:    pulumi.String(".."),
			Dockerfile: pulumi.String("../api/Dockerfile"),
			// The Dockerfile cross-compiles on the builder's own platform, so no emulation is needed.
			Platform: pulumi.String("linux/arm64"),
			Args:     pulumi.StringMap{"VERSION": pulumi.String(args.Version)},
		},
		Registry: &docker.RegistryArgs{
			Server: repository.RepositoryUrl, Username: token.UserName(),
			Password: pulumi.ToSecret(token.Password()).(pulumi.StringOutput),
		},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("build API image: %w", err)
	}
	i.RepositoryURL, i.RepositoryARN, i.Digest = repository.RepositoryUrl, repository.Arn, image.RepoDigest
	return i, ctx.RegisterResourceOutputs(i, pulumi.Map{"digest": i.Digest})
}

// newRepository makes a private repository whose tags are never moved.
func newRepository(ctx *pulumi.Context, name, physical string, protect bool, key dataKey,
	child pulumi.ResourceOption) (*ecr.Repository, error) {
	encryption := &ecr.RepositoryEncryptionConfigurationArgs{EncryptionType: pulumi.String("AES256")}
	if id := key.ID(); id != nil {
		encryption = &ecr.RepositoryEncryptionConfigurationArgs{EncryptionType: pulumi.String("KMS"), KmsKey: id}
	}
	repository, err := ecr.NewRepository(ctx, name, &ecr.RepositoryArgs{
		Name:                       pulumi.String(physical),
		ImageTagMutability:         pulumi.String("IMMUTABLE"),
		ImageScanningConfiguration: &ecr.RepositoryImageScanningConfigurationArgs{ScanOnPush: pulumi.Bool(true)},
		EncryptionConfigurations:   ecr.RepositoryEncryptionConfigurationArray{encryption},
		ForceDelete:                pulumi.Bool(!protect), // otherwise a repository with images refuses to be deleted
		// AWS can't change how a repository is encrypted: an existing one keeps its encryption, and its images.
	}, keep(protect, child, pulumi.IgnoreChanges([]string{"encryptionConfigurations"}))...)
	if err != nil {
		return nil, fmt.Errorf("create image repository: %w", err)
	}
	return repository, nil
}
