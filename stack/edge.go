package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/shield"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/wafv2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// A task that is deregistered gets no new requests, and has this long for its open ones: more than PUBLISH_TIMEOUT,
	// which is the longest that a request takes.
	drainSeconds = 20
	// The balancer closes connections without a request after this time. The API's own limit must be longer: otherwise the
	// balancer may use a connection that the API has just closed, and answers 502.
	idleSeconds = 60
)

// Edge is the load balancer. With a domain it has a certificate and a name, and by choice CloudFront stands before it.
type Edge struct {
	pulumi.ResourceState

	URL              pulumi.StringOutput
	TargetGroup      *lb.TargetGroup
	Listener         pulumi.Resource // the service waits for it: a target group without a listener takes no tasks
	LoadBalancerDims pulumi.StringOutput
	TargetGroupDims  pulumi.StringOutput
	CertificateARN   pulumi.StringOutput // unset without HTTPS
	DistributionID   pulumi.StringOutput // unset without CloudFront

	valid pulumi.StringOutput // ARN of the certificate once it may be served
}

type edgeArgs struct {
	Key           dataKey // of the firewall's logs
	Region        string
	Name          string
	Protect       bool
	AccountID     pulumi.StringInput
	Network       *Network
	SecurityGroup pulumi.StringInput
	Retention     retentionConfig
	edgeConfig
}

func newEdge(ctx *pulumi.Context, name string, args edgeArgs, opts ...pulumi.ResourceOption) (*Edge, error) {
	e := &Edge{}
	if err := register(ctx, "Edge", name, e, opts); err != nil {
		return nil, err
	}
	child := pulumi.Parent(e)
	balancer, err := e.balancer(ctx, args)
	if err != nil {
		return nil, err
	}
	e.TargetGroup, err = lb.NewTargetGroup(ctx, "api", &lb.TargetGroupArgs{
		Name: pulumi.String(args.targetGroupName()), VpcId: args.Network.VpcID,
		Port: pulumi.Int(apiPort), Protocol: pulumi.String(args.TargetProtocol()), TargetType: pulumi.String("ip"),
		DeregistrationDelay: pulumi.Int(drainSeconds),
		// Live, not ready: while Kafka is away the tasks are healthy, and killing them would not bring Kafka back.
		HealthCheck: &lb.TargetGroupHealthCheckArgs{
			Path: pulumi.String("/healthcheck"), Matcher: pulumi.String("200"),
			Protocol: pulumi.String(args.TargetProtocol()),
			Interval: pulumi.Int(10), Timeout: pulumi.Int(5), HealthyThreshold: pulumi.Int(2), UnhealthyThreshold: pulumi.Int(3),
		},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create target group: %w", err)
	}
	if args.HTTPS() {
		if err := e.certificate(ctx, args); err != nil {
			return nil, err
		}
	}
	if err := e.listen(ctx, args, balancer); err != nil {
		return nil, err
	}
	target := alias{Name: balancer.DnsName, Zone: balancer.ZoneId, Healthy: true, Types: []string{"A"}}
	scheme := "http"
	var firewall pulumi.StringPtrInput
	if args.WAF != nil {
		arn, err := e.firewall(ctx, args)
		if err != nil {
			return nil, err
		}
		firewall = arn
		if !args.CDN {
			if _, err := wafv2.NewWebAclAssociation(ctx, "edge", &wafv2.WebAclAssociationArgs{WebAclArn: arn,
				ResourceArn: balancer.Arn}, child); err != nil {
				return nil, fmt.Errorf("put web ACL before load balancer: %w", err)
			}
		}
	}
	faces := balancer.Arn // what clients connect to
	if args.CDN {
		if target, faces, err = e.distribute(ctx, args, balancer, firewall); err != nil {
			return nil, err
		}
		scheme = "https"
	}
	if args.ShieldAdvanced != "" {
		if _, err := shield.NewProtection(ctx, "edge", &shield.ProtectionArgs{Name: pulumi.String(args.Name),
			ResourceArn: faces}, child); err != nil {
			return nil, fmt.Errorf("protect by Shield Advanced: %w", err)
		}
	}
	e.URL = pulumi.Sprintf("%s://%s", scheme, target.Name)
	if args.HTTPS() {
		if err := e.point(ctx, args, target); err != nil {
			return nil, err
		}
		e.URL = pulumi.Sprintf("https://%s", args.Domain)
	}
	e.LoadBalancerDims, e.TargetGroupDims = balancer.ArnSuffix, e.TargetGroup.ArnSuffix
	return e, ctx.RegisterResourceOutputs(e, pulumi.Map{"url": e.URL})
}

// physical is the name of a balancer or a target group. It differs with and without CloudFront, so that new ones can be
// made beside the old ones, which serve until then: a target group belongs to one balancer, and names are unique.
func (a edgeArgs) physical(suffix string) string {
	if a.CDN {
		return a.Name + "-cdn"
	}
	return a.Name + suffix
}

// targetGroupName also differs for each protocol, as AWS can't change the protocol of a target group. It adds four
// characters: see name in validate.
func (a edgeArgs) targetGroupName() string {
	switch {
	case a.TLSToTasks && a.CDN:
		return a.Name + "-ctl"
	case a.TLSToTasks:
		return a.Name + "-tls"
	default:
		return a.physical("-api")
	}
}

func (e *Edge) balancer(ctx *pulumi.Context, args edgeArgs) (*lb.LoadBalancer, error) {
	var logs lb.LoadBalancerAccessLogsPtrInput
	options := []pulumi.ResourceOption{pulumi.Parent(e)}
	if args.AccessLogs && !args.CDN { // CloudFront's logs say the same, and have the client's address
		bucket, policy, err := e.accessLogs(ctx, args, balancerLogDelivery)
		if err != nil {
			return nil, err
		}
		logs = &lb.LoadBalancerAccessLogsArgs{Bucket: bucket.Bucket, Enabled: pulumi.Bool(true)}
		// AWS writes a test object when it turns the logs on.
		options = append(options, pulumi.DependsOn([]pulumi.Resource{policy}))
	}
	subnets := args.Network.PublicSubnets
	if args.CDN {
		subnets = args.Network.PrivateSubnets
	}
	balancer, err := lb.NewLoadBalancer(ctx, "balancer", &lb.LoadBalancerArgs{
		Name: pulumi.String(args.physical("")), LoadBalancerType: pulumi.String("application"),
		Internal: pulumi.Bool(args.CDN), Subnets: subnets, SecurityGroups: pulumi.StringArray{args.SecurityGroup},
		DropInvalidHeaderFields:  pulumi.Bool(true), // headers that the API and the balancer would read differently
		EnableDeletionProtection: pulumi.Bool(args.Protect),
		IdleTimeout:              pulumi.Int(idleSeconds),
		AccessLogs:               logs,
	}, options...)
	if err != nil {
		return nil, fmt.Errorf("create load balancer: %w", err)
	}
	return balancer, nil
}

// accessLogs makes the bucket for access logs, which have a line for each request.
func (e *Edge) accessLogs(ctx *pulumi.Context, args edgeArgs, writer string) (*s3.BucketV2, *s3.BucketPolicy, error) {
	return newBucket(ctx, bucketArgs{
		Name: args.Name, Purpose: "access-logs", Protect: args.Protect, AccountID: args.AccountID,
		Region: args.Region, Writer: writer, KeepDays: args.Retention.AccessLogDays,
	}, pulumi.Parent(e))
}

// listen makes the balancer's listeners: HTTPS where there is a certificate, and plain HTTP, which then only redirects
// to HTTPS. Behind CloudFront there is no redirect, as CloudFront is configured with one port.
func (e *Edge) listen(ctx *pulumi.Context, args edgeArgs, balancer *lb.LoadBalancer) error {
	child := pulumi.Parent(e)
	forward := &lb.ListenerDefaultActionArgs{Type: pulumi.String("forward"), TargetGroupArn: e.TargetGroup.Arn}
	plain := forward
	if args.HTTPS() {
		plain = &lb.ListenerDefaultActionArgs{Type: pulumi.String("redirect"),
			Redirect: &lb.ListenerDefaultActionRedirectArgs{
				Protocol: pulumi.String("HTTPS"), Port: pulumi.String("443"), StatusCode: pulumi.String("HTTP_301"),
			}}
	}
	if !args.CDN || !args.HTTPS() {
		listener, err := lb.NewListener(ctx, "http", &lb.ListenerArgs{
			LoadBalancerArn: balancer.Arn, Port: pulumi.Int(80), Protocol: pulumi.String("HTTP"),
			DefaultActions: lb.ListenerDefaultActionArray{plain},
		}, child)
		if err != nil {
			return fmt.Errorf("create HTTP listener: %w", err)
		}
		e.Listener = listener
	}
	if !args.HTTPS() {
		return nil
	}
	listener, err := lb.NewListener(ctx, "https", &lb.ListenerArgs{
		LoadBalancerArn: balancer.Arn, Port: pulumi.Int(443), Protocol: pulumi.String("HTTPS"),
		SslPolicy:      pulumi.String("ELBSecurityPolicy-TLS13-1-2-2021-06"), // TLS 1.3, and 1.2 with forward secrecy
		CertificateArn: e.valid,
		DefaultActions: lb.ListenerDefaultActionArray{forward},
	}, child)
	if err != nil {
		return fmt.Errorf("create HTTPS listener: %w", err)
	}
	e.Listener = listener
	return nil
}
