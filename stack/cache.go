package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/elasticache"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// cacheConfig chooses ElastiCache Serverless for Valkey, in which all tasks share their rate limits. Without it each
// task has limits of its own, so a client gets its limit once from each task.
type cacheConfig struct {
	Enabled bool `json:"enabled,omitempty"`
}

const (
	cachePort = 6379
	// cacheReaderPort is the port of replicas in the cache's map of slots. The client asks replicas for that map alone.
	cacheReaderPort = 6380

	// A limit takes some bytes while it is in use, so the smallest storage is plenty. The costs of a flood of requests are
	// bounded, too: beyond cacheUnits a second the cache refuses, and each task limits by itself.
	cacheGB    = 1
	cacheUnits = 10_000
)

// limitsAccess is what the tasks' user may do in the cache. .ci/limits gives the same rights to a user of a real
// server.
const limitsAccess = "on ~rate-limit:* -@all +eval +evalsha +get +set +time +ping +hello +auth " +
	"+cluster|slots +cluster|shards"

// Cache is the store of shared rate limits. The zero value is no cache.
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
		"is true, and api.rateLimit is not set: there is no limit for the tasks to share")
}

// noCache is the value of a stack without a cache.
func noCache() *Cache {
	none := pulumi.String("").ToStringOutput()
	return &Cache{URL: none, ARN: none, UserARN: none}
}

// newCache makes the cache. Its user logs in with IAM, so there is no password to store, to rotate, or to leak from the
// engine's state.
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

// shareLimits are the rights to log in to the cache; none without a cache.
func shareLimits(cache, user string) []statement {
	if cache == "" {
		return nil
	}
	return []statement{allow("SharedLimits", []string{cache, user}, "elasticache:Connect")}
}
