package main

// edgeRights are the rights for CloudFront, the firewall and Shield. Few of their resources have names that are known
// before they are created.
func edgeRights() []deployerRight {
	everything := []string{"*"}
	return []deployerRight{
		{"CDN", []string{"cloudfront.CachePolicy", "cloudfront.Distribution", "cloudfront.ResponseHeadersPolicy",
			"cloudfront.VpcOrigin"},
			all("cloudfront", "CreateCachePolicy", "CreateDistribution", "CreateResponseHeadersPolicy", "CreateVpcOrigin",
				"DeleteCachePolicy", "DeleteDistribution", "DeleteResponseHeadersPolicy", "DeleteVpcOrigin", "GetCachePolicy",
				"GetDistribution", "GetDistributionConfig", "GetResponseHeadersPolicy", "GetVpcOrigin", "ListTagsForResource",
				"TagResource", "UntagResource", "UpdateCachePolicy", "UpdateDistribution", "UpdateResponseHeadersPolicy",
				"UpdateVpcOrigin"), everything, nil},
		// Its addresses, for the balancer's group and the API.
		{"CDNAddresses", []string{"cloudfront.VpcOrigin"}, all("ec2", "DescribeManagedPrefixLists",
			"GetManagedPrefixListEntries"), everything, nil},
		{"CDNLogs", []string{"cloudwatch.LogDelivery", "cloudwatch.LogDeliveryDestination",
			"cloudwatch.LogDeliverySource"},
			append(all("logs", "CreateDelivery", "DeleteDelivery", "DeleteDeliveryDestination", "DeleteDeliverySource",
				"DescribeDeliveries", "GetDelivery", "GetDeliveryDestination", "GetDeliverySource", "ListTagsForResource",
				"PutDeliveryDestination", "PutDeliverySource", "TagResource", "UntagResource", "UpdateDeliveryConfiguration"),
				"cloudfront:AllowVendedLogDeliveryForResource"), everything, nil},
		{"Firewall", []string{"wafv2.IpSet", "wafv2.WebAcl", "wafv2.WebAclAssociation", "wafv2.WebAclLoggingConfiguration"},
			append(all("wafv2", "AssociateWebACL", "CreateIPSet", "CreateWebACL", "DeleteIPSet", "DeleteLoggingConfiguration",
				"DeleteWebACL", "DisassociateWebACL", "GetIPSet", "GetLoggingConfiguration", "GetWebACL",
				"GetWebACLForResource", "ListTagsForResource", "PutLoggingConfiguration", "TagResource", "UntagResource",
				"UpdateIPSet", "UpdateWebACL"), "elasticloadbalancing:SetWebACL"), everything, nil},
		// WAF sets up its log delivery with the deployer's rights.
		{"FirewallLogs", []string{"wafv2.WebAclLoggingConfiguration"}, all("logs", "CreateLogDelivery",
			"DeleteLogDelivery", "DescribeResourcePolicies", "PutResourcePolicy"), everything, nil},
		{"Shield", []string{"shield.Protection"}, all("shield", "CreateProtection", "DeleteProtection",
			"DescribeProtection", "ListTagsForResource", "TagResource", "UntagResource"), everything, nil},
	}
}
