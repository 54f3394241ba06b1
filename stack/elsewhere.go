package main

import (
	"regexp"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// elsewhere are the providers of other regions than the stack's, by region: for copies that must outlive the region.
type elsewhere map[string]pulumi.ProviderResource

var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

// requireOther demands another region than the stack's, or none.
func requireOther(f *findings, key, other, region string) {
	if other == "" {
		return
	}
	f.require(regionPattern.MatchString(other), key, "must be a region like us-west-2, is %q", other)
	f.require(other != region, key, "is the stack's own region, %s, which a copy has to outlive", region)
}

// otherRegions are the other regions in which the stack has resources.
func (c config) otherRegions() (all []string) {
	wanted := append([]string{c.Backup.CopyTo, c.Archive.ReplicateTo}, c.Store.Replicas...)
	if c.Artifacts != nil {
		wanted = append(wanted, c.Artifacts.ReplicateTo)
	}
	for _, region := range wanted {
		if region != "" && !slices.Contains(all, region) {
			all = append(all, region)
		}
	}
	slices.Sort(all)
	return all
}

func newElsewhere(ctx *pulumi.Context, c config) (elsewhere, error) {
	others := elsewhere{}
	for _, region := range c.otherRegions() {
		provider, err := newProvider(ctx, c, "aws-"+region, region)
		if err != nil {
			return nil, err
		}
		others[region] = provider
	}
	return others, nil
}
