package main

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudfront"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// AWS's own policies, with the same ids in every account: cache nothing, and pass on everything that the client sent.
	cachingDisabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
	allViewer       = "216adef6-5c7f-47e4-b989-5492eafa07d3"

	originID = "balancer"
	// The API answers within PUBLISH_TIMEOUT; this is the most that CloudFront waits without a higher quota.
	originReadSeconds = 60
	// CloudFront lets go of an idle connection before the balancer does: see idleSeconds.
	originKeepAliveSeconds = idleSeconds - 5
	// TLS 1.3, and 1.2 with forward secrecy. TLSv1.3_2025 refuses clients without TLS 1.3, and the provider does not know
	// it yet. Without a domain CloudFront serves its own certificate, and accepts TLS 1.0 and later.
	viewerTLS = "TLSv1.2_2021"
)

// cachedPaths are the documents: the API sends a Cache-Control with them. All other requests go to the API.
var cachedPaths = []string{"/docs", "/docs/*", "/openapi.*", "/v1/schemas", "/v1/schemas/*"}

// uncachedErrors are all statuses for which CloudFront has a setting of how long to keep them. It keeps other statuses
// only if a header says so. By default it keeps some of these for 10 seconds, by the path alone and whatever the policy
// says: a client that asks for an outcome too early would get 404 for some time after the outcome is known.
var uncachedErrors = []int{400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}

// distribute puts CloudFront before the load balancer. CloudFront reaches it by network interfaces inside the VPC.
// distribute returns the target of the domain, and the ARN of the distribution.
func (e *Edge) distribute(ctx *pulumi.Context, args edgeArgs, balancer *lb.LoadBalancer,
	firewall pulumi.StringPtrInput) (alias, pulumi.StringOutput, error) {
	none := pulumi.StringOutput{}
	child := pulumi.Parent(e)
	origin, err := e.vpcOrigin(ctx, args, balancer)
	if err != nil {
		return alias{}, none, err
	}
	documents, err := e.documents(ctx, args)
	if err != nil {
		return alias{}, none, err
	}
	certificate := &cloudfront.DistributionViewerCertificateArgs{CloudfrontDefaultCertificate: pulumi.Bool(true)}
	var names pulumi.StringArray
	if args.HTTPS() {
		names = pulumi.StringArray{pulumi.String(args.Domain)}
		certificate = &cloudfront.DistributionViewerCertificateArgs{AcmCertificateArn: e.valid,
			MinimumProtocolVersion: pulumi.String(viewerTLS), SslSupportMethod: pulumi.String("sni-only")}
	}
	var fresh cloudfront.DistributionCustomErrorResponseArray
	for _, code := range uncachedErrors {
		fresh = append(fresh, &cloudfront.DistributionCustomErrorResponseArgs{ErrorCode: pulumi.Int(code),
			ErrorCachingMinTtl: pulumi.Int(0)})
	}
	distribution, err := cloudfront.NewDistribution(ctx, "api", &cloudfront.DistributionArgs{
		Comment: pulumi.String(args.Name), Enabled: pulumi.Bool(true), Aliases: names, ViewerCertificate: certificate,
		HttpVersion: pulumi.String("http2and3"), WebAclId: firewall,
		IsIpv6Enabled: pulumi.Bool(!args.Restricted()), // networks are named by IPv4 alone
		Origins: cloudfront.DistributionOriginArray{&cloudfront.DistributionOriginArgs{
			OriginId: pulumi.String(originID), DomainName: balancer.DnsName,
			VpcOriginConfig: &cloudfront.DistributionOriginVpcOriginConfigArgs{VpcOriginId: origin.ID(),
				OriginReadTimeout:      pulumi.Int(originReadSeconds),
				OriginKeepaliveTimeout: pulumi.Int(originKeepAliveSeconds)},
		}},
		DefaultCacheBehavior: &cloudfront.DistributionDefaultCacheBehaviorArgs{
			TargetOriginId: pulumi.String(originID), ViewerProtocolPolicy: pulumi.String("redirect-to-https"),
			AllowedMethods: pulumi.ToStringArray([]string{"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"}),
			CachedMethods:  pulumi.ToStringArray([]string{"GET", "HEAD"}),
			CachePolicyId:  pulumi.String(cachingDisabled), OriginRequestPolicyId: pulumi.String(allViewer),
			Compress: pulumi.Bool(false), // the API compresses answers itself
		},
		OrderedCacheBehaviors: documents, CustomErrorResponses: fresh,
		Restrictions: &cloudfront.DistributionRestrictionsArgs{
			GeoRestriction: &cloudfront.DistributionRestrictionsGeoRestrictionArgs{
				RestrictionType: pulumi.String("none")}},
	}, child)
	if err != nil {
		return alias{}, none, fmt.Errorf("create CloudFront distribution: %w", err)
	}
	e.DistributionID = distribution.ID().ToStringOutput()
	if args.AccessLogs {
		if err := e.distributionLogs(ctx, args, distribution); err != nil {
			return alias{}, none, err
		}
	}
	types := []string{"A", "AAAA"}
	if args.Restricted() {
		types = types[:1]
	}
	return alias{Name: distribution.DomainName, Zone: distribution.HostedZoneId, Types: types}, distribution.Arn, nil
}

// vpcOrigin lets CloudFront reach the balancer. AWS refuses to change an origin that a distribution uses, even its
// tags. So every change makes a new origin under a new name, and the old one is deleted after the distribution has left
// it. The origin depends on the network only for the order: AWS demands an internet gateway in the VPC first, and the
// subnets can be deleted only after CloudFront's interfaces have left them.
func (e *Edge) vpcOrigin(ctx *pulumi.Context, args edgeArgs, balancer *lb.LoadBalancer) (*cloudfront.VpcOrigin, error) {
	protocol := "http" // the balancer's own name has no certificate
	if args.HTTPS() {
		protocol = "https"
	}
	// The end of the ARN differs for each balancer, also if the name is the same.
	name := balancer.ArnSuffix.ApplyT(func(suffix string) string {
		return args.Name + "-" + protocol + "-" + suffix[strings.LastIndexByte(suffix, '/')+1:]
	}).(pulumi.StringOutput)
	origin, err := cloudfront.NewVpcOrigin(ctx, originID, &cloudfront.VpcOriginArgs{
		VpcOriginEndpointConfig: &cloudfront.VpcOriginVpcOriginEndpointConfigArgs{
			Name: name, Arn: balancer.Arn, HttpPort: pulumi.Int(80), HttpsPort: pulumi.Int(443),
			OriginProtocolPolicy: pulumi.String(protocol + "-only"),
			OriginSslProtocols: &cloudfront.VpcOriginVpcOriginEndpointConfigOriginSslProtocolsArgs{
				Items: pulumi.StringArray{pulumi.String("TLSv1.2")}, Quantity: pulumi.Int(1)},
		},
	}, pulumi.Parent(e), pulumi.DependsOn(args.Network.Rules), pulumi.IgnoreChanges([]string{"tags", "tagsAll"}),
		pulumi.ReplaceOnChanges([]string{"vpcOriginEndpointConfig"}),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "30m", Delete: "60m"}))
	if err != nil {
		return nil, fmt.Errorf("create CloudFront's way to the load balancer: %w", err)
	}
	return origin, nil
}

// documents is the behaviour of the paths that CloudFront caches for as long as the API says. The cache's key has the
// headers Host, Origin and Accept, as the API's answer depends on them.
func (e *Edge) documents(ctx *pulumi.Context, args edgeArgs) (cloudfront.DistributionOrderedCacheBehaviorArray, error) {
	child := pulumi.Parent(e)
	keys := &cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginArgs{
		EnableAcceptEncodingGzip: pulumi.Bool(true),
		CookiesConfig: &cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginCookiesConfigArgs{
			CookieBehavior: pulumi.String("none")},
		QueryStringsConfig: &cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginQueryStringsConfigArgs{
			QueryStringBehavior: pulumi.String("all")},
		HeadersConfig: &cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigArgs{
			HeaderBehavior: pulumi.String("whitelist"),
			Headers: &cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigHeadersArgs{
				Items: pulumi.ToStringArray([]string{"Accept", "Host", "Origin"})}},
	}
	cache, err := cloudfront.NewCachePolicy(ctx, "documents", &cloudfront.CachePolicyArgs{
		Name: pulumi.String(args.Name + "-documents"), Comment: pulumi.String("As long as the API says"),
		MinTtl: pulumi.Int(0), DefaultTtl: pulumi.Int(0), MaxTtl: pulumi.Int(3600),
		ParametersInCacheKeyAndForwardedToOrigin: keys,
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create cache policy: %w", err)
	}
	// Headers that are about one request: CloudFront would send them to all clients that get the cached answer.
	var drop cloudfront.ResponseHeadersPolicyRemoveHeadersConfigItemArray
	for _, header := range []string{"RateLimit", "RateLimit-Policy", "X-Request-Id"} {
		drop = append(drop, &cloudfront.ResponseHeadersPolicyRemoveHeadersConfigItemArgs{Header: pulumi.String(header)})
	}
	headers, err := cloudfront.NewResponseHeadersPolicy(ctx, "documents", &cloudfront.ResponseHeadersPolicyArgs{
		Name:                pulumi.String(args.Name + "-documents"),
		RemoveHeadersConfig: &cloudfront.ResponseHeadersPolicyRemoveHeadersConfigArgs{Items: drop},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create response headers policy: %w", err)
	}
	var behaviors cloudfront.DistributionOrderedCacheBehaviorArray
	for _, path := range cachedPaths {
		behaviors = append(behaviors, &cloudfront.DistributionOrderedCacheBehaviorArgs{
			PathPattern: pulumi.String(path), TargetOriginId: pulumi.String(originID),
			ViewerProtocolPolicy: pulumi.String("redirect-to-https"),
			AllowedMethods:       pulumi.ToStringArray([]string{"GET", "HEAD", "OPTIONS"}),
			CachedMethods:        pulumi.ToStringArray([]string{"GET", "HEAD"}),
			CachePolicyId:        cache.ID(), OriginRequestPolicyId: pulumi.String(allViewer),
			ResponseHeadersPolicyId: headers.ID(), Compress: pulumi.Bool(false),
		})
	}
	return behaviors, nil
}

// distributionLogs writes a line for each request into the bucket of access logs, as JSON.
func (e *Edge) distributionLogs(ctx *pulumi.Context, args edgeArgs, of *cloudfront.Distribution) error {
	child := pulumi.Parent(e)
	bucket, policy, err := e.accessLogs(ctx, args, flowLogDelivery) // the same service delivers these logs
	if err != nil {
		return err
	}
	source, err := cloudwatch.NewLogDeliverySource(ctx, "cdn", &cloudwatch.LogDeliverySourceArgs{
		Name: pulumi.String(args.Name + "-cdn"), LogType: pulumi.String("ACCESS_LOGS"), ResourceArn: of.Arn,
	}, child)
	if err != nil {
		return fmt.Errorf("create source of CloudFront's logs: %w", err)
	}
	to, err := cloudwatch.NewLogDeliveryDestination(ctx, "cdn", &cloudwatch.LogDeliveryDestinationArgs{
		Name: pulumi.String(args.Name + "-cdn"), OutputFormat: pulumi.String("json"),
		DeliveryDestinationConfiguration: &cloudwatch.LogDeliveryDestinationDeliveryDestinationConfigurationArgs{
			DestinationResourceArn: bucket.Arn},
	}, child)
	if err != nil {
		return fmt.Errorf("create destination of CloudFront's logs: %w", err)
	}
	if _, err := cloudwatch.NewLogDelivery(ctx, "cdn", &cloudwatch.LogDeliveryArgs{
		DeliverySourceName: source.Name, DeliveryDestinationArn: to.Arn,
	}, child, pulumi.DependsOn([]pulumi.Resource{policy})); err != nil {
		return fmt.Errorf("deliver CloudFront's logs: %w", err)
	}
	return nil
}
