package settings

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"

	"event-processing-service/internal/kafka"
)

// Config is how to reach the brokers. With IAM it looks for AWS credentials where the AWS SDK does: environment, shared
// files, the task's or function's role.
func (k Kafka) Config(ctx context.Context, clientID string) (kafka.Config, error) {
	c := kafka.Config{Brokers: k.Brokers, Auth: k.Auth, ClientID: clientID}
	if k.Auth == kafka.AuthIAM {
		aws, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return c, fmt.Errorf("load AWS configuration: %w", err)
		}
		c.Credentials = aws.Credentials
	}
	return c, c.Validate()
}
