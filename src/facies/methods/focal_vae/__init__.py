"""`focal-vae`: a variational autoencoder of focal stacks, and k-means with many groups on its code."""
