package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// copiedReleases is what the name of the bucket in another region ends with, before the account: no more, as a name has
// at most 63 characters.
func copiedReleases(region string) string { return region }

// replicate sends each release from then on to another region: images by ECR, functions and notes by S3.
func (a *Artifacts) replicate(ctx *pulumi.Context, c config, account string, from *s3.BucketV2,
	versions *s3.BucketVersioningV2, provider pulumi.ProviderResource) error {
	region, child := c.Artifacts.ReplicateTo, pulumi.Parent(a)
	there := pulumi.Composite(child, pulumi.Provider(provider))
	// Made here, or ECR would make one in which tags can be moved and nothing expires.
	images, err := a.repository(ctx, "images-"+region, c, there)
	if err != nil {
		return err
	}
	// An account has one of these for each region.
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
