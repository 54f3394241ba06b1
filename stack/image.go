package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const keptImages = 30 // as far back as one can roll without building

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
	Tag     string
}

func newImage(ctx *pulumi.Context, name string, args imageArgs, opts ...pulumi.ResourceOption) (*Image, error) {
	i := &Image{}
	if err := register(ctx, "Image", name, i, opts); err != nil {
		return nil, err
	}
	child := pulumi.Parent(i)
	repository, err := ecr.NewRepository(ctx, "api", &ecr.RepositoryArgs{
		Name:                       pulumi.String(args.Name),
		ImageTagMutability:         pulumi.String("IMMUTABLE"),
		ImageScanningConfiguration: &ecr.RepositoryImageScanningConfigurationArgs{ScanOnPush: pulumi.Bool(true)},
		EncryptionConfigurations:   ecr.RepositoryEncryptionConfigurationArray{&ecr.RepositoryEncryptionConfigurationArgs{EncryptionType: pulumi.String("AES256")}},
		ForceDelete:                pulumi.Bool(!args.Protect), // else a repository with images refuses to go
	}, keep(args.Protect, child)...)
	if err != nil {
		return nil, fmt.Errorf("create image repository: %w", err)
	}
	if _, err := ecr.NewLifecyclePolicy(ctx, "api", &ecr.LifecyclePolicyArgs{
		Repository: repository.Name,
		Policy: pulumi.String(fmt.Sprintf(`{"rules":[{"rulePriority":1,"description":"Keep the newest %d images",`+
			`"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":%d},"action":{"type":"expire"}}]}`, keptImages, keptImages)),
	}, child); err != nil {
		return nil, fmt.Errorf("set lifecycle of image repository: %w", err)
	}

	// The one data source of the program: a password for the registry can't be had any other way. It is new each time,
	// and the provider compares images without it.
	token := ecr.GetAuthorizationTokenOutput(ctx, ecr.GetAuthorizationTokenOutputArgs{}, child)
	image, err := docker.NewImage(ctx, "api", &docker.ImageArgs{
		ImageName: pulumi.Sprintf("%s:%s", repository.RepositoryUrl, args.Tag),
		Build: &docker.DockerBuildArgs{
			// Relative to stack/, where the engine runs: an absolute path would be a change on every other machine.
			Context:    pulumi.String(".."),
			Dockerfile: pulumi.String("../api/Dockerfile"),
			// The Dockerfile cross-compiles on the builder's own platform, so no emulation is needed.
			Platform: pulumi.String("linux/arm64"),
			Args:     pulumi.StringMap{"VERSION": pulumi.String(args.Tag)},
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
