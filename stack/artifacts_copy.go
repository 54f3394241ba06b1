package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// copiedReleases is the part of the name of the bucket in another region that stands before the account. It is short,
// as a name has at most 63 characters.
func copiedReleases(region string) string { return region }

// replicate copies each new release to another region: images by ECR, functions and notes by S3.
func (a *Artifacts) replicate(ctx *pulumi.Context, c config, account string, from *s3.BucketV2,
	versions *s3.BucketVersioningV2, provider pulumi.ProviderResource) error {
	region, child := c.Artifacts.ReplicateTo, pulumi.Parent(a)
	there := pulumi.Composite(child, pulumi.Provider(provider))
	// Without this repository, ECR would create one in which tags can be moved and nothing expires.
	images, err := a.repository(ctx, "images-"+region, c, there)
	if err != nil {
		return err
	}
	// An account has one replication configuration in each region.
	if _, err := ecr.NewReplicationConfiguration(ctx, "images", &ecr.ReplicationConfigurationArgs{
		ReplicationConfiguration: &ecr.ReplicationConfigurationReplicationConfigurationArgs{
			Rules: ecr.ReplicationConfigurationReplicationConfigurationRuleArray{
				&ecr.ReplicationConfigurationReplicationConfigurationRuleArgs{
					Destinations: ecr.ReplicationConfigurationReplicationConfigurationRuleDestinationArray{
						&ecr.ReplicationConfigurationReplicationConfigurationRuleDestinationArgs{
							Region: pulumi.String(region), RegistryId: pulumi.String(account),
						},
					},
					RepositoryFilters: ecr.ReplicationConfigurationReplicationConfigurationRuleRepositoryFilterArray{
						&ecr.ReplicationConfigurationReplicationConfigurationRuleRepositoryFilterArgs{
							Filter: pulumi.String(c.Name), FilterType: pulumi.String("PREFIX_MATCH"),
						},
					},
				},
			},
		},
	}, child, pulumi.DependsOn([]pulumi.Resource{images})); err != nil {
		return fmt.Errorf("replicate images to %s: %w", region, err)
	}
	to, copied, err := a.bucket(ctx, copiedReleases(region), c, account, there)
	if err != nil {
		return err
	}
	return copyBucket(ctx, bucketCopy{name: releasesPurpose, role: "replication", physical: c.Name + "-replication",
		from: from, to: to, versions: versions, copied: copied, region: c.Region, other: region}, child)
}
