package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/elasticache"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// cacheConfig chooses a store in which all tasks share their rate limits: ElastiCache Serverless for Valkey. Without it
// each task has limits of its own, and a client gets as many times its limit as there are tasks.
type cacheConfig struct {
	Enabled bool `json:"enabled,omitempty"`
}

const (
	cachePort = 6379
	// cacheReaderPort is where the cache's map of slots says that replicas are. The client asks them nothing but that map.
	cacheReaderPort = 6380

	// A limit is some bytes for as long as it says something, so the least of storage is plenty. What a flood of requests
	// could cost is bounded, too: beyond cacheUnits a second the cache refuses, and each task limits by itself.
	cacheGB    = 1
	cacheUnits = 10_000
)

// limitsAccess is what the tasks' user may do in the cache. .ci/limits gives it to a user of a real one.
const limitsAccess = "on ~rate-limit:* -@all +eval +evalsha +get +set +time +ping +hello +auth " +
	"+cluster|slots +cluster|shards"

// Cache is that store. The zero value is none.
type Cache struct {
	pulumi.ResourceState

	URL     pulumi.StringOutput // for RATE_LIMIT_URL
	ARN     pulumi.StringOutput
	UserARN pulumi.StringOutput
}

type cacheArgs struct {
	Name          string
	Subnets       pulumi.StringArray
	SecurityGroup pulumi.StringInput
	Key           dataKey
}

func (c cacheConfig) validate(f *findings, api apiConfig) {
	f.require(!c.Enabled || api.RateLimit != "", "cache.enabled",
		"is true, and api.rateLimit is not set: there is no limit that tasks could share")
}

// noCache is what the service has without one.
func noCache() *Cache {
	none := pulumi.String("").ToStringOutput()
	return &Cache{URL: none, ARN: none, UserARN: none}
}

// newCache makes the cache. Its user enters with IAM: there is no password to keep, to rotate, or to find in a state.
func newCache(ctx *pulumi.Context, name string, args cacheArgs, opts ...pulumi.ResourceOption) (*Cache, error) {
	c := &Cache{}
	if err := register(ctx, "Cache", name, c, opts); err != nil {
		return nil, err
	}
	child := pulumi.Parent(c)
	physical := args.Name + "-limits"
	user, err := elasticache.NewUser(ctx, "limits", &elasticache.UserArgs{
		// With IAM, id and name must be the same.
		UserId: pulumi.String(physical), UserName: pulumi.String(physical), Engine: pulumi.String("valkey"),
		AccessString:       pulumi.String(limitsAccess),
		AuthenticationMode: &elasticache.UserAuthenticationModeArgs{Type: pulumi.String("iam")},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create user of the cache: %w", err)
	}
	group, err := elasticache.NewUserGroup(ctx, "limits", &elasticache.UserGroupArgs{
		UserGroupId: pulumi.String(physical), Engine: pulumi.String("valkey"), UserIds: pulumi.StringArray{user.UserId},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create user group of the cache: %w", err)
	}
	cache, err := elasticache.NewServerlessCache(ctx, "limits", &elasticache.ServerlessCacheArgs{
		Name: pulumi.String(physical), Description: pulumi.String("Rate limits that all tasks of the API share"),
		KmsKeyId: args.Key.ID(), Engine: pulumi.String("valkey"), MajorEngineVersion: pulumi.String("8"),
		UserGroupId: group.UserGroupId, SubnetIds: args.Subnets,
		SecurityGroupIds: pulumi.StringArray{args.SecurityGroup},
		CacheUsageLimits: &elasticache.ServerlessCacheCacheUsageLimitsArgs{
			DataStorage: &elasticache.ServerlessCacheCacheUsageLimitsDataStorageArgs{Maximum: pulumi.Int(cacheGB),
				Unit: pulumi.String("GB")},
			EcpuPerSeconds: elasticache.ServerlessCacheCacheUsageLimitsEcpuPerSecondArray{
				&elasticache.ServerlessCacheCacheUsageLimitsEcpuPerSecondArgs{Maximum: pulumi.Int(cacheUnits)}},
		},
		SnapshotRetentionLimit: pulumi.Int(0), // limits are worth nothing tomorrow
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create cache of limits: %w", err)
	}
	address := cache.Endpoints.ApplyT(func(all []elasticache.ServerlessCacheEndpoint) string {
		if len(all) == 0 { // Index(0) would panic; an address without a host is refused by the API as it starts
			return ""
		}
		return all[0].Address
	}).(pulumi.StringOutput)
	c.URL = pulumi.Sprintf("valkeys://%s@%s:%d?cluster=true&iam=%s", physical, address, cachePort, physical)
	c.ARN, c.UserARN = cache.Arn, user.Arn
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"cache": cache.Name})
}

// shareLimits are the rights that entering the cache takes, none without one.
func shareLimits(cache, user string) []statement {
	if cache == "" {
		return nil
	}
	return []statement{allow("SharedLimits", []string{cache, user}, "elasticache:Connect")}
}
