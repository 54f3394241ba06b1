package main

// choiceRights are the rights for optional parts of a stack.
func choiceRights(name string, arn func(service, resource string) string, roles func(string) string) []deployerRight {
	of := func(service string, actions ...string) (full []string) {
		for _, action := range actions {
			full = append(full, service+":"+action)
		}
		return full
	}
	return []deployerRight{
		{"Cache", []string{"elasticache.ServerlessCache", "elasticache.User", "elasticache.UserGroup"},
			of("elasticache", "AddTagsToResource", "CreateServerlessCache", "CreateUser", "CreateUserGroup",
				"DeleteServerlessCache", "DeleteUser", "DeleteUserGroup", "DescribeServerlessCaches", "DescribeUserGroups",
				"DescribeUsers", "ListTagsForResource", "ModifyServerlessCache", "ModifyUser", "ModifyUserGroup",
				"RemoveTagsFromResource"),
			[]string{arn("elasticache", "serverlesscache:"+name+"-limits"), arn("elasticache", "user:"+name+"-limits"),
				arn("elasticache", "usergroup:"+name+"-limits")}, nil},
		{"SideFunctions", []string{"lambda.FunctionEventInvokeConfig", "lambda.Permission"},
			of("lambda", "AddPermission", "CreateFunction", "DeleteFunction", "DeleteFunctionEventInvokeConfig", "GetFunction",
				"GetFunctionCodeSigningConfig", "GetFunctionConfiguration", "GetFunctionEventInvokeConfig", "GetPolicy", "ListTags",
				"ListVersionsByFunction", "PutFunctionEventInvokeConfig", "RemovePermission", "TagResource", "UntagResource",
				"UpdateFunctionCode", "UpdateFunctionConfiguration"),
			[]string{arn("lambda", "function:"+canaryName(name)), arn("lambda", "function:"+canaryName(name)+":*"),
				arn("lambda", "function:"+rotationName(name)), arn("lambda", "function:"+rotationName(name)+":*")}, nil},
		{"Rotation", []string{"secretsmanager.SecretRotation"}, of("secretsmanager", "CancelRotateSecret", "DescribeSecret",
			"RotateSecret"), []string{arn("secretsmanager", "secret:*")}, nil},
		{"RolesToSideFunctions", []string{"lambda.Permission"}, of("iam", "PassRole"),
			[]string{roles(canaryName(name)), roles(rotationName(name))},
			map[string]map[string]string{"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}},
		{"Schedule", []string{"cloudwatch.EventRule", "cloudwatch.EventTarget"},
			of("events", "DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "ListTagsForResource", "ListTargetsByRule",
				"PutRule", "PutTargets", "RemoveTargets", "TagResource", "UntagResource"),
			[]string{arn("events", "rule/"+canaryName(name))}, nil},
		{"Queries", []string{"cloudwatch.QueryDefinition"}, of("logs", "DeleteQueryDefinition",
			"DescribeQueryDefinitions", "PutQueryDefinition"), []string{"*"}, nil},
		{"Chat", []string{"chatbot.SlackChannelConfiguration"},
			of("chatbot", "CreateSlackChannelConfiguration", "DeleteSlackChannelConfiguration",
				"DescribeSlackChannelConfigurations", "ListTagsForResource", "TagResource", "UntagResource",
				"UpdateSlackChannelConfiguration"), []string{"*"}, nil},
		{"RoleToChat", []string{"chatbot.SlackChannelConfiguration"}, of("iam", "PassRole"),
			[]string{roles(name + "-chat")},
			map[string]map[string]string{"StringEquals": {"iam:PassedToService": "chatbot.amazonaws.com"}}},
	}
}
