package main

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/acm"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// certificate requests a certificate, and proves to ACM by a DNS record that the domain is ours. The load balancer and
// CloudFront serve the certificate.
func (e *Edge) certificate(ctx *pulumi.Context, args edgeArgs) error {
	child := pulumi.Parent(e)
	certificate, err := acm.NewCertificate(ctx, "api", &acm.CertificateArgs{
		DomainName: pulumi.String(args.Domain), ValidationMethod: pulumi.String("DNS"),
	}, child)
	if err != nil {
		return fmt.Errorf("request certificate for %s: %w", args.Domain, err)
	}
	proof := func(field func(acm.CertificateDomainValidationOption) *string) pulumi.StringOutput {
		return certificate.DomainValidationOptions.ApplyT(func(options []acm.CertificateDomainValidationOption) string {
			// Index(0) would panic where ACM has no validation record yet. AWS refuses an empty record with an error.
			if len(options) == 0 || field(options[0]) == nil {
				return ""
			}
			return *field(options[0])
		}).(pulumi.StringOutput)
	}
	record, err := route53.NewRecord(ctx, "certificate", &route53.RecordArgs{
		ZoneId: pulumi.String(args.HostedZoneID),
		Name:   proof(func(o acm.CertificateDomainValidationOption) *string { return o.ResourceRecordName }),
		Type:   proof(func(o acm.CertificateDomainValidationOption) *string { return o.ResourceRecordType }),
		Records: pulumi.StringArray{
			proof(func(o acm.CertificateDomainValidationOption) *string { return o.ResourceRecordValue }),
		},
		Ttl:            pulumi.Int(300),
		AllowOverwrite: pulumi.Bool(true), // ACM demands the same record for each request of the same name
	}, child)
	if err != nil {
		return fmt.Errorf("create certificate's DNS record: %w", err)
	}
	e.CertificateARN = certificate.Arn
	valid, err := acm.NewCertificateValidation(ctx, "api", &acm.CertificateValidationArgs{
		CertificateArn: certificate.Arn, ValidationRecordFqdns: pulumi.StringArray{record.Fqdn},
	}, child)
	if err != nil {
		return fmt.Errorf("await certificate for %s: %w", args.Domain, err)
	}
	e.valid = valid.CertificateArn
	return nil
}

// alias is the target of a name: a load balancer or a distribution.
type alias struct {
	Name, Zone pulumi.StringOutput
	Healthy    bool     // Route 53 checks its health
	Types      []string // of records: one for each kind of address of the target
}

// point makes the domain a name of the target. With failover, Route 53 answers with the secondary's balancer while the
// primary's balancer has no healthy target and the secondary's has one.
func (e *Edge) point(ctx *pulumi.Context, args edgeArgs, target alias) error {
	for _, kind := range target.Types {
		name := "api"
		if kind != "A" {
			name += "-" + strings.ToLower(kind)
		}
		record := &route53.RecordArgs{
			ZoneId: pulumi.String(args.HostedZoneID), Name: pulumi.String(args.Domain), Type: pulumi.String(kind),
			Aliases: route53.RecordAliasArray{&route53.RecordAliasArgs{Name: target.Name, ZoneId: target.Zone,
				EvaluateTargetHealth: pulumi.Bool(target.Healthy)}},
		}
		options := []pulumi.ResourceOption{pulumi.Parent(e)}
		if args.Failover != "" {
			record.SetIdentifier = pulumi.String(args.Name)
			record.FailoverRoutingPolicies = route53.RecordFailoverRoutingPolicyArray{
				&route53.RecordFailoverRoutingPolicyArgs{Type: pulumi.String(strings.ToUpper(args.Failover))},
			}
			// A name has either one simple record, or two failover records.
			options = append(options, pulumi.DeleteBeforeReplace(true))
		}
		if _, err := route53.NewRecord(ctx, name, record, options...); err != nil {
			return fmt.Errorf("point %s at what serves it: %w", args.Domain, err)
		}
	}
	return nil
}
