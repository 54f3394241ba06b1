package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/acm"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// A task that leaves gets no new requests and has this long for those it has: more than PUBLISH_TIMEOUT, which is
	// the longest that one takes.
	drainSeconds = 20
	// Connections without a request are closed after this; the API's own limit must be longer, or the balancer meets a
	// connection that was just closed and answers 502.
	idleSeconds = 60

	accessLogDays = 90
)

// Edge is the load balancer, with a certificate and a name where a domain is configured.
type Edge struct {
	pulumi.ResourceState

	URL              pulumi.StringOutput
	TargetGroup      *lb.TargetGroup
	Listener         pulumi.Resource // the service waits for it: a target group without a listener takes no tasks
	LoadBalancerDims pulumi.StringOutput
	TargetGroupDims  pulumi.StringOutput
}

type edgeArgs struct {
	Name          string
	Protect       bool
	AccountID     pulumi.StringInput
	VpcID         pulumi.StringInput
	Subnets       pulumi.StringArray
	SecurityGroup pulumi.StringInput
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
		Name: pulumi.String(args.Name + "-api"), VpcId: args.VpcID,
		Port: pulumi.Int(apiPort), Protocol: pulumi.String("HTTP"), TargetType: pulumi.String("ip"),
		DeregistrationDelay: pulumi.Int(drainSeconds),
		// Live, not ready: when Kafka is away the tasks are well, and to kill them all would not bring it back.
		HealthCheck: &lb.TargetGroupHealthCheckArgs{
			Path: pulumi.String("/healthcheck"), Matcher: pulumi.String("200"), Protocol: pulumi.String("HTTP"),
			Interval: pulumi.Int(10), Timeout: pulumi.Int(5), HealthyThreshold: pulumi.Int(2), UnhealthyThreshold: pulumi.Int(3),
		},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create target group: %w", err)
	}
	forward := &lb.ListenerDefaultActionArgs{Type: pulumi.String("forward"), TargetGroupArn: e.TargetGroup.Arn}

	scheme, host := "http", balancer.DnsName
	plain := forward
	if args.HTTPS() {
		scheme, host = "https", pulumi.String(args.Domain).ToStringOutput()
		plain = &lb.ListenerDefaultActionArgs{Type: pulumi.String("redirect"), Redirect: &lb.ListenerDefaultActionRedirectArgs{
			Protocol: pulumi.String("HTTPS"), Port: pulumi.String("443"), StatusCode: pulumi.String("HTTP_301"),
		}}
	}
	e.Listener, err = lb.NewListener(ctx, "http", &lb.ListenerArgs{
		LoadBalancerArn: balancer.Arn, Port: pulumi.Int(80), Protocol: pulumi.String("HTTP"),
		DefaultActions: lb.ListenerDefaultActionArray{plain},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create HTTP listener: %w", err)
	}
	if args.HTTPS() {
		if e.Listener, err = e.secure(ctx, args, balancer, forward); err != nil {
			return nil, err
		}
	}
	e.URL = pulumi.Sprintf("%s://%s", scheme, host)
	e.LoadBalancerDims, e.TargetGroupDims = balancer.ArnSuffix, e.TargetGroup.ArnSuffix
	return e, ctx.RegisterResourceOutputs(e, pulumi.Map{"url": e.URL})
}

func (e *Edge) balancer(ctx *pulumi.Context, args edgeArgs) (*lb.LoadBalancer, error) {
	var logs lb.LoadBalancerAccessLogsPtrInput
	options := []pulumi.ResourceOption{pulumi.Parent(e)}
	if args.AccessLogs {
		bucket, policy, err := newBucket(ctx, bucketArgs{
			Name: args.Name, Purpose: "access-logs", Protect: args.Protect, AccountID: args.AccountID,
			Writer: "logdelivery.elasticloadbalancing.amazonaws.com", KeepDays: accessLogDays,
		}, pulumi.Parent(e))
		if err != nil {
			return nil, err
		}
		logs = &lb.LoadBalancerAccessLogsArgs{Bucket: bucket.Bucket, Enabled: pulumi.Bool(true)}
		// AWS writes a test object as it switches the logs on.
		options = append(options, pulumi.DependsOn([]pulumi.Resource{policy}))
	}
	balancer, err := lb.NewLoadBalancer(ctx, "balancer", &lb.LoadBalancerArgs{
		Name: pulumi.String(args.Name), LoadBalancerType: pulumi.String("application"), Internal: pulumi.Bool(false),
		Subnets: args.Subnets, SecurityGroups: pulumi.StringArray{args.SecurityGroup},
		DropInvalidHeaderFields:  pulumi.Bool(true), // what the API would read otherwise than the balancer does
		EnableDeletionProtection: pulumi.Bool(args.Protect),
		IdleTimeout:              pulumi.Int(idleSeconds),
		AccessLogs:               logs,
	}, options...)
	if err != nil {
		return nil, fmt.Errorf("create load balancer: %w", err)
	}
	return balancer, nil
}

// secure proves the domain to ACM by a DNS record, serves its certificate, and points the name at the balancer.
func (e *Edge) secure(ctx *pulumi.Context, args edgeArgs, balancer *lb.LoadBalancer, forward *lb.ListenerDefaultActionArgs) (*lb.Listener, error) {
	child := pulumi.Parent(e)
	certificate, err := acm.NewCertificate(ctx, "api", &acm.CertificateArgs{
		DomainName: pulumi.String(args.Domain), ValidationMethod: pulumi.String("DNS"),
	}, child)
	if err != nil {
		return nil, fmt.Errorf("request certificate for %s: %w", args.Domain, err)
	}
	proof := func(field func(acm.CertificateDomainValidationOption) *string) pulumi.StringOutput {
		return certificate.DomainValidationOptions.ApplyT(func(options []acm.CertificateDomainValidationOption) string {
			// Index(0) would panic where ACM has not made up its mind; an empty record is refused with an error.
			if len(options) == 0 || field(options[0]) == nil {
				return ""
			}
			return *field(options[0])
		}).(pulumi.StringOutput)
	}
	record, err := route53.NewRecord(ctx, "certificate", &route53.RecordArgs{
		ZoneId:         pulumi.String(args.HostedZoneID),
		Name:           proof(func(o acm.CertificateDomainValidationOption) *string { return o.ResourceRecordName }),
		Type:           proof(func(o acm.CertificateDomainValidationOption) *string { return o.ResourceRecordType }),
		Records:        pulumi.StringArray{proof(func(o acm.CertificateDomainValidationOption) *string { return o.ResourceRecordValue })},
		Ttl:            pulumi.Int(300),
		AllowOverwrite: pulumi.Bool(true), // ACM asks for the same record each time one requests the same name
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create certificate's DNS record: %w", err)
	}
	valid, err := acm.NewCertificateValidation(ctx, "api", &acm.CertificateValidationArgs{
		CertificateArn: certificate.Arn, ValidationRecordFqdns: pulumi.StringArray{record.Fqdn},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("await certificate for %s: %w", args.Domain, err)
	}
	listener, err := lb.NewListener(ctx, "https", &lb.ListenerArgs{
		LoadBalancerArn: balancer.Arn, Port: pulumi.Int(443), Protocol: pulumi.String("HTTPS"),
		SslPolicy:      pulumi.String("ELBSecurityPolicy-TLS13-1-2-2021-06"), // TLS 1.3, and 1.2 with forward secrecy
		CertificateArn: valid.CertificateArn,
		DefaultActions: lb.ListenerDefaultActionArray{forward},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("create HTTPS listener: %w", err)
	}
	if _, err := route53.NewRecord(ctx, "api", &route53.RecordArgs{
		ZoneId: pulumi.String(args.HostedZoneID), Name: pulumi.String(args.Domain), Type: pulumi.String("A"),
		Aliases: route53.RecordAliasArray{&route53.RecordAliasArgs{Name: balancer.DnsName, ZoneId: balancer.ZoneId, EvaluateTargetHealth: pulumi.Bool(true)}},
	}, child); err != nil {
		return nil, fmt.Errorf("point %s at the load balancer: %w", args.Domain, err)
	}
	return listener, nil
}
